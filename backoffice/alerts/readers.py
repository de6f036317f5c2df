"""Who is told of what, and in which language and time zone."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.utils import timezone, translation

from access.confinement import platforms_of
from backoffice.alerts.conditions import PERMISSIONS, Kind
from backoffice.models import AlertSubscription
from backoffice.scheduled.people import exports_of
from core.zones import zone_named


def subscriptions() -> list[AlertSubscription]:
    """Of users who are active and have an e-mail address. One query."""
    known = AlertSubscription.objects.filter(by_email=True, user__is_active=True).exclude(user__email="")
    return list(known.select_related("user").order_by("pk"))


def wants(subscription: AlertSubscription, kind: str, platform_id: int | None, key: str) -> bool:
    """Whether this user asked for it, and may see it. What is of no platform is of the installation; `key`, of the
    condition, says of which scheduled export it is."""
    if subscription.kinds and kind not in subscription.kinds:
        return False
    if platform_id is not None and subscription.platform_ids and platform_id not in subscription.platform_ids:
        return False
    visible = platforms_of(subscription.user)
    if platform_id is not None and visible is not None and platform_id not in visible:
        return False
    if kind == Kind.EXPORTS and not exports_of(subscription.user).filter(pk=key.rpartition(":")[2]).exists():
        return False
    return kind in Kind.values and subscription.user.has_perm(PERMISSIONS[Kind(kind)])


@contextmanager
def as_read_by(subscription: AlertSubscription) -> Iterator[None]:
    """Sentences made in this context are in the user's language, with times in the user's zone."""
    known = subscription.language in dict(settings.LANGUAGES)
    language = subscription.language if known else settings.LANGUAGE_CODE
    with translation.override(language), timezone.override(zone_named(subscription.time_zone)):
        yield
