"""A sync and a failure as JSON objects: the same in the REST API and in what the commands print with --json."""

from datetime import datetime
from typing import Any

from integrations.models import SyncFailure, SyncLog
from integrations.sync.estimates import pages_expected
from integrations.wording import progress_line


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


def as_text(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with a final Z, as everywhere in the API."""
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def _window(log: SyncLog) -> dict[str, str | None] | None:
    """The span of an orders sync; since and until are null until the run starts. None for inventory."""
    if not log.window_by:
        return None
    return {"by": log.window_by, "since": as_text(log.window_start), "until": as_text(log.window_end)}
