"""What a privacy officer is asked: which personal data is stored, how old it is, who may read it, and who did."""

from datetime import UTC, datetime
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db.models import Count, ExpressionWrapper, F, Max, Min, TextField
from django.utils import timezone

from access.models import ApiToken, Scope
from audit.models import AuditEntry
from core.encryption import FERNET_PREFIX
from orders.models import BuyerDataEnd, LegalHold, Order, OrderBuyer
from platforms.models import Platform

READ = "orders.view_orderbuyer"
ERASE = "orders.delete_orderbuyer"
_BACKEND = "django.contrib.auth.backends.ModelBackend"  # which knows permissions


def privacy_report() -> dict[str, Any]:
    """As JSON has it; times in ISO 8601, UTC. Holds no personal data of a buyer, and no secret.

    Reads a row of each order that has buyer data, and the audit's entries about it.
    """
    return {
        "at": _text(timezone.now()),
        "platforms": [
            _of_platform(each) for each in Platform.objects.order_by("pk").only("name", "include_pii")
        ],
        "buyer_data": _buyer_data(),
        "orders": _orders(),
        "keys": _keys(),
        "may_read": _allowed(READ),
        "may_erase": _allowed(ERASE),
        "tokens": _tokens(),
        "readings": _deeds("buyer_data.read"),
        "erasures": _deeds("buyer_data.erased"),
        "holds": _holds(),
    }


def _of_platform(platform: Platform) -> dict[str, Any]:
    rows = OrderBuyer.objects.filter(order__platform=platform)
    found = rows.aggregate(count=Count("pk"), oldest=Min("order__purchased_at"), next=Min("purge_after"))
    return {
        "platform": platform.name,
        "stores_buyer_data": platform.include_pii,
        "orders_with_buyer_data": found["count"],
        "oldest_purchase": _text(found["oldest"]),
        "next_purge": _text(found["next"]),
    }


def _buyer_data() -> dict[str, Any]:
    """`overdue`: orders whose day has passed, those that a legal hold keeps included; `unreadable`: those that no key
    decrypted when they were migrated."""
    rows, now = OrderBuyer.objects, timezone.now()
    ended = BuyerDataEnd.objects.order_by().values_list("why").annotate(Count("pk"))
    return {
        "orders": rows.count(),
        "oldest_unpurged": _text(rows.aggregate(due=Min("purge_after"))["due"]),
        "overdue": rows.filter(purge_after__lt=now).count(),
        "unreadable": rows.filter(email_digest=None).count(),
        "deleted_for_good": dict(ended),
    }


def _orders() -> dict[str, Any]:
    oldest = Order.objects.order_by("purchased_at").values_list("purchased_at", flat=True).first()
    return {"oldest_purchase": _text(oldest), "kept_months": settings.KEEP_ORDERS_MONTHS or None}


def _keys() -> dict[str, Any]:
    """A key does not say how old it is: what it encrypted does. `first_in_use_since` is no later than the oldest value
    that is stored with the first key, among credentials and the orders that were stored first."""
    moments = [
        moment
        for rows, column in ((Platform.objects, "api_config"), (OrderBuyer.objects, "data"))
        for text in rows.order_by("pk")
        .annotate(stored=_as_text(column))
        .values_list("stored", flat=True)[:100]
        if (moment := _encrypted_at(text)) is not None
    ]
    renewed = AuditEntry.objects.filter(action="secrets.reencrypted").aggregate(last=Max("at"))
    return {
        "configured": len(settings.FIELD_ENCRYPTION_KEY),
        "first_in_use_since": _text(min(moments, default=None)),
        "last_reencrypted": _text(renewed["last"]),
    }


def _as_text(column: str) -> Any:
    return ExpressionWrapper(F(column), output_field=TextField())  # as stored, not decrypted


def _encrypted_at(stored: str) -> datetime | None:
    """When the first key encrypted this; None where another did, or none."""
    first = Fernet(settings.FIELD_ENCRYPTION_KEY[0])
    if not stored.startswith(FERNET_PREFIX):
        return None
    try:
        return datetime.fromtimestamp(first.extract_timestamp(stored.encode()), UTC)
    except InvalidToken:
        return None


def _allowed(permission: str) -> dict[str, list[str]]:
    """Active users that have the permission, by themselves, as superusers, or by a group; and these groups."""
    app, codename = permission.split(".")
    users: Any = User.objects.with_perm(permission, backend=_BACKEND)
    groups = Group.objects.filter(permissions__content_type__app_label=app, permissions__codename=codename)
    return {
        "users": sorted(users.values_list("username", flat=True)),
        "groups": sorted(groups.values_list("name", flat=True)),
    }


def _tokens() -> list[dict[str, Any]]:
    """Tokens of the API that may read buyer data, if their users may."""
    tokens = ApiToken.objects.select_related("token__user").order_by("pk")
    return [
        {
            "name": each.name,
            "user": each.token.user.get_username(),
            "expires": _text(each.token.expiry),
            "last_used": _text(each.last_used_at),
        }
        for each in tokens
        if Scope.BUYER_DATA in each.scopes
    ]


def _deeds(action: str) -> list[dict[str, Any]]:
    """Who did it how often, and when for the last time, as far as the audit goes back."""
    rows = AuditEntry.objects.filter(action=action).order_by().values("actor", "door")
    found = rows.annotate(count=Count("pk"), last=Max("at")).order_by("-count", "actor")
    return [{**row, "last": _text(row["last"])} for row in found]


def _holds() -> list[dict[str, Any]]:
    holds = LegalHold.objects.select_related("platform", "order").filter(until__gt=timezone.now())
    return [
        {
            "platform": hold.platform.name,
            "order": hold.order.external_id if hold.order else None,
            "reason": hold.reason,
            "until": _text(hold.until),
            "made_by": hold.made_by,
            "made_at": _text(hold.made_at),
        }
        for hold in holds.defer("order__payload", "platform__api_config")
    ]


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
