"""Fetches what a list has and is not here, or not as the list says, and compares it again."""

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from integrations.completeness.claim import Claim
from integrations.completeness.comparing import differences_as_json
from integrations.completeness.comparison import Verdict, compare
from integrations.completeness.history.failures import behind_their_list
from integrations.completeness.records import KnownOrder, from_json
from integrations.completeness.stored import stored_by_id
from integrations.errors import (
    AuthenticationError,
    AuthorizationError,
    ConfigError,
    PlatformError,
    RateLimited,
    TransientError,
)
from integrations.lookup.order import store
from integrations.models import AuditFinding
from integrations.protocol import Adapter
from platforms.models import Platform

# These are about the platform and not about one order: the audit waits, or ends.
NOT_OF_ONE = (TransientError, AuthenticationError, AuthorizationError, ConfigError)
Outcome = AuditFinding.Outcome
NOT_AS_LISTED = (
    "The platform was asked for the order once more, and what is stored since is not what its list says."
)


def heal_next(claim: Claim, adapter: Adapter) -> bool:
    """Settle the next finding: False where none is left. Raises PlatformError for what is not about this one order."""
    found = claim.audit.findings.filter(outcome=Outcome.FOUND).order_by("pk").first()
    if found is None:
        return False
    claim.save()  # raises JobLost
    settle(found, heal(claim.audit.platform, found, adapter=adapter))
    return True


def fetch_details_again(claim: Claim, adapter: Adapter, most: int) -> None:
    """Of orders that are as listed and not here in full, since the platform's answer was behind its list: by now it may
    be as new. Otherwise the failure stays. Raises PlatformError for what is not about one order."""
    platform = claim.audit.platform
    ids = behind_their_list(platform.pk).values_list("external_id", flat=True)[:most]
    for external_id in dict.fromkeys(ids):
        claim.save()  # raises JobLost
        try:
            store(platform, external_id, adapter=adapter, live_only=True, in_full=True)
        except RateLimited:  # the next audit does it
            return
        except NOT_OF_ONE:
            raise
        except PlatformError:
            continue


def heal(
    platform: Platform, found: AuditFinding, *, adapter: Adapter | None = None, user: User | None = None
) -> dict[str, Any]:
    """Fetch the order, unless it is as the list says by now, and compare it again. Returns the columns of the finding;
    raises PlatformError for what is not about this one order. `adapter` is one that is connected for orders."""
    reported = from_json(found.reported)
    verdict = verdict_on(platform, reported)
    if not verdict.is_good:
        try:
            _fetch(platform, reported.order_id, adapter, user)
        except NOT_OF_ONE:
            raise
        except PlatformError as error:
            return {"outcome": Outcome.OPEN, "error_code": error.code, "error_message": str(error)}
        verdict = verdict_on(platform, reported)
    if verdict.is_good:
        return {"outcome": Outcome.HEALED, "error_code": "", "error_message": ""}
    return {
        "outcome": Outcome.OPEN,
        "error_code": f"still_{verdict.kind}",
        "error_message": NOT_AS_LISTED,
        "differences": differences_as_json(verdict) or found.differences,
    }


def settle(found: AuditFinding, values: dict[str, Any]) -> None:
    values = values | {"settled_at": timezone.now()}
    with transaction.atomic():
        AuditFinding.objects.filter(pk=found.pk).update(**values)
    for name, value in values.items():
        setattr(found, name, value)


def verdict_on(platform: Platform, reported: KnownOrder) -> Verdict:
    """What is stored of the order now, against what a list says of it."""
    return judged(reported, stored_by_id(platform, [reported.order_id]).get(reported.order_id))


def judged(reported: KnownOrder, own: KnownOrder | None) -> Verdict:
    if (
        own is not None and not reported.lines
    ):  # not all of its rows could be read: it is here, and that is all
        return compare(own, own)
    return compare(reported, own)


def _fetch(platform: Platform, order_id: str, adapter: Adapter | None, user: User | None) -> None:
    """Through the usual way of one order by its id. What is stored of it is written even where it is said to be equal:
    it is not what the list says."""
    store(platform, order_id, adapter=adapter, user=user, live_only=True, anew=True)
