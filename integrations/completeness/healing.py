"""Fetches what a list has and is not here, or not as the list says, and compares it again."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from integrations.completeness.claim import Claim
from integrations.completeness.comparing import differences_as_json
from integrations.completeness.comparison import Verdict, compare
from integrations.completeness.history.failures import may_pass
from integrations.completeness.history.put_off import MOST_TRIES
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
    """Settle the next finding: False where none is left. Raises PlatformError for what is not about this one order.

    One that is not answered for is tried again after the others; so often, and then it is open.
    """
    tries: dict[str, int] = claim.audit.parts[0].get("tries", {})
    waiting = claim.audit.findings.filter(outcome=Outcome.FOUND).order_by("pk")
    found = waiting.exclude(external_id__in=tries).first() or waiting.first()
    if found is None:
        return False
    claim.save()  # raises JobLost
    try:
        values = heal(claim.audit.platform, found, adapter=adapter)
    except RateLimited:
        raise
    except (TransientError, AuthorizationError) as error:
        count = tries.get(found.external_id, 0) + 1
        claim.update_part(0, tries=tries | {found.external_id: count})
        if count < MOST_TRIES:
            raise TransientError(str(error), code=error.code, request_id=error.request_id) from error
        values = {"outcome": Outcome.OPEN, "error_code": error.code, "error_message": str(error)}
    settle(found, values)
    if claim.audit.notes:  # trouble counts as long as nothing gets on
        claim.save(notes=[note for note in claim.audit.notes if note["code"] != "trouble"])
    return True


def fetch_details_again(claim: Claim, adapter: Adapter, most: int, stopping: Callable[[], bool]) -> None:
    """Of orders that are as listed and not here in full, since the platform's answer was behind its list, or there was
    none: by now it may be as new. Otherwise the failure stays, and the next audit asks again. Ends between two orders
    where we are told to stop."""
    platform = claim.audit.platform
    ids = may_pass(platform.pk).values_list("external_id", flat=True)[:most]
    for external_id in dict.fromkeys(ids):
        if stopping():
            return
        claim.save()  # raises JobLost
        try:
            store(platform, external_id, adapter=adapter, live_only=True, in_full=True)
        except (RateLimited, AuthenticationError, ConfigError):  # the next audit does it
            return
        except PlatformError:  # of this one; it proves nothing less
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
