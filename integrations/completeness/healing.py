"""Fetches what a list has and is not here, or not as the list says, and compares it again."""

from django.db import transaction

from integrations.completeness.claim import Claim
from integrations.completeness.comparing import differences_as_json
from integrations.completeness.comparison import Verdict, compare
from integrations.completeness.records import KnownOrder, from_json
from integrations.completeness.stored import stored_by_id
from integrations.errors import (
    AuthenticationError,
    AuthorizationError,
    ConfigError,
    PlatformError,
    TransientError,
)
from integrations.lookup.order import store
from integrations.models import AuditFinding, OrderAudit
from orders.models import Order

# These are about the platform and not about one order: the audit waits, or ends.
NOT_OF_ONE = (TransientError, AuthenticationError, AuthorizationError, ConfigError)
Outcome = AuditFinding.Outcome


def heal_next(claim: Claim) -> bool:
    """Settle the next finding: False where none is left. Raises PlatformError for what is not about this one order."""
    found = claim.audit.findings.filter(outcome=Outcome.FOUND).order_by("pk").first()
    if found is None:
        return False
    claim.save()  # raises AuditLost
    reported = from_json(found.reported)
    if not _verdict(claim.audit, reported).is_good:  # a sync may have brought it meanwhile
        try:
            claim.count_call()
            _fetch(claim.audit, reported.order_id)
        except NOT_OF_ONE:
            raise
        except PlatformError as error:
            _settle(found, Outcome.OPEN, error_code=error.code, error_message=str(error))
            return True
    verdict = _verdict(claim.audit, reported)
    if verdict.is_good:
        _settle(found, Outcome.HEALED)
    else:
        text = "The platform was asked for the order once more, and what is stored since is not what its list says."
        differences = differences_as_json(verdict) or found.differences
        _settle(
            found,
            Outcome.OPEN,
            error_code=f"still_{verdict.kind}",
            error_message=text,
            differences=differences,
        )
    return True


def _verdict(audit: OrderAudit, reported: KnownOrder) -> Verdict:
    own = stored_by_id(audit.platform, [reported.order_id]).get(reported.order_id)
    if (
        own is not None and not reported.lines
    ):  # not all of its rows could be read: it is here, and that is all
        return compare(own, own)
    return compare(reported, own)


def _fetch(audit: OrderAudit, order_id: str) -> None:
    """Through the usual way of one order by its id. What is stored of it is written even where it is said to be equal:
    it is not what the list says."""
    Order.objects.filter(platform=audit.platform, external_id=order_id).update(content_hash="")
    store(audit.platform, order_id)


def _settle(found: AuditFinding, outcome: str, **values: object) -> None:
    with transaction.atomic():
        AuditFinding.objects.filter(pk=found.pk).update(outcome=outcome, **values)
