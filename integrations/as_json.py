"""What the REST API answers as JSON objects, where a command prints the same with --json."""

from datetime import datetime
from typing import Any

from integrations.models import AuditedDay, OrderAudit, SyncFailure, SyncLog
from integrations.protocol import Finding
from integrations.sync.connection_check import is_fine
from integrations.sync.estimates import pages_expected
from integrations.sync.stock_end import StockEnd
from integrations.wording import progress_line
from orders.models import Erasure
from platforms.models import Platform


def sync_as_json(log: SyncLog) -> dict[str, Any]:
    """The keys of a sync in the API, with values that json.dumps takes. Touches `platform` and `requested_by`."""
    return {
        "id": log.pk,
        "platform": log.platform.name,
        "platform_id": log.platform_id,
        "kind": log.kind,
        "trigger": log.trigger,
        "requested_by": log.requested_by.get_username() if log.requested_by else None,
        "status": log.status,
        "source": log.source,
        "window": _window(log),
        "skus": log.skus,
        "fetched": log.fetched,
        "created": log.created,
        "updated": log.updated,
        "unchanged": log.unchanged,
        "failed": log.failed,
        "pages": log.pages,
        # About how many it will be, judged by earlier runs; null where nothing is known.
        "pages_expected": pages_expected(log),
        # A sentence: "waiting for the channel's quota until 14:32 UTC, 12 of about 40 pages".
        "progress": progress_line(log),
        "api_calls": log.api_calls,
        "throttled": log.throttled,
        "error_code": log.error_code,
        "error_message": log.error_message,
        "request_id": log.request_id,
        "notes": log.notes,
        "queued_at": as_text(log.queued_at),
        "started_at": as_text(log.started_at),
        "finished_at": as_text(log.finished_at),
        "resume_at": as_text(log.resume_at),
        "heartbeat_at": as_text(log.heartbeat_at),
        # Seconds from the first claim to the end, or until now; null where it never started.
        "duration": None if log.duration is None else round(log.duration.total_seconds(), 3),
    }


def failure_as_json(failure: SyncFailure) -> dict[str, Any]:
    """The keys of a failure in the API. `sync` is the id of the run that met it."""
    return {
        "id": failure.pk,
        "sync": failure.log_id,
        "platform": failure.platform.name,
        "platform_id": failure.platform_id,
        "kind": failure.kind,
        "external_id": failure.external_id,
        "error_code": failure.error_code,
        "error_message": failure.error_message,
        "payload": failure.payload,
        "created_at": as_text(failure.created_at),
        "resolved_at": as_text(failure.resolved_at),
        "resolution": failure.resolution,
        "resolved_by": failure.resolved_by.get_username() if failure.resolved_by else None,
    }


def check_as_json(platform: Platform, findings: list[Finding]) -> dict[str, Any]:
    """The keys of a connection check in the API."""
    return {
        **about(platform),
        "ok": is_fine(findings),
        "checked_at": as_text(platform.checked_at),
        "findings": [finding.as_json() for finding in findings],
    }


def stock_end_as_json(platform: Platform, end: StockEnd | None) -> dict[str, Any]:
    """The keys of the end of a platform's stock in the API."""
    decided = None if end is None else {**end.as_dict(), "since": as_text(end.since)}
    return {**about(platform), "stock_end": decided}


def erasure_as_json(erasure: Erasure) -> dict[str, Any]:
    """The keys of the receipt of an erasure in the API. It names neither an address nor the orders."""
    return {
        "id": erasure.pk,
        "receipt": erasure.number,
        "by": erasure.scope,
        "about": erasure.about,
        "platforms": _names_of(erasure.platform_ids),
        "orders": erasure.orders,
        "held": erasure.held,
        "not_searched": erasure.not_searched,
        "reason": erasure.reason,
        "made_by": erasure.made_by,
        "started_at": as_text(erasure.started_at),
        "finished_at": as_text(erasure.finished_at),
    }


def about(platform: Platform) -> dict[str, Any]:
    """Which platform an object is about, as everywhere in the API."""
    return {"platform": platform.name, "platform_id": platform.pk}


def as_text(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with a final Z, as everywhere in the API."""
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def _window(log: SyncLog) -> dict[str, str | None] | None:
    """The span of an orders sync; since and until are null until the run starts. None for inventory."""
    if not log.window_by:
        return None
    return {"by": log.window_by, "since": as_text(log.window_start), "until": as_text(log.window_end)}


def _names_of(platform_ids: list[int] | None) -> list[str] | None:
    """Of those that are still there, by name; None for all platforms."""
    if platform_ids is None:
        return None
    return list(Platform.objects.filter(pk__in=platform_ids).order_by("name").values_list("name", flat=True))


def audit_as_json(audit: OrderAudit) -> dict[str, Any]:
    """The keys of an audit in the API. Touches `platform`; one query for its days."""
    return {
        "id": audit.pk,
        "platform": audit.platform.name,
        "platform_id": audit.platform_id,
        "status": audit.status,
        "window": {"start": as_text(audit.window_start), "end": as_text(audit.window_end)},
        "compared": audit.compared,
        **{name: getattr(audit, name) for name in ("missing", "stale", "different", "only_here", "unread")},
        "healed": audit.healed,
        "open": audit.open,
        "api_calls": audit.api_calls,
        "error_code": audit.error_code,
        "error_message": audit.error_message,
        "queued_at": as_text(audit.queued_at),
        "started_at": as_text(audit.started_at),
        "finished_at": as_text(audit.finished_at),
        "resume_at": as_text(audit.resume_at),
        "days": [day_as_json(day) for day in audit.days.order_by("day", "marketplace_id")],
    }


def day_as_json(day: AuditedDay) -> dict[str, Any]:
    """What is known of one day's orders in one marketplace. `report` names the list that they were compared with."""
    return {
        "day": day.day.isoformat(),
        "marketplace_id": day.marketplace_id,
        "state": day.state,
        **{
            name: getattr(day, name)
            for name in ("orders", "missing", "stale", "different", "only_here", "healed", "open")
        },
        "report": day.list_id,
        "checked_at": as_text(day.checked_at),
    }
