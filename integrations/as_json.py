"""What the REST API answers as JSON objects, where a command prints the same with --json."""

import math
from dataclasses import asdict
from datetime import datetime
from typing import Any

from integrations.completeness.history.progress import progress_of
from integrations.completeness.keeping_up.standing import known_by_report
from integrations.completeness.planner import Lane, Plan
from integrations.models import (
    AuditedDay,
    AuditedStock,
    Backfill,
    CatchUp,
    OrderAudit,
    StockAudit,
    SyncFailure,
    SyncLog,
)
from integrations.plan_wording import why_line
from integrations.protocol import Finding
from integrations.shipping.importing.run import ImportResult, RowVerdict
from integrations.sync.connection_check import is_fine
from integrations.sync.estimates import pages_expected
from integrations.sync.stock_end import StockEnd
from integrations.wording import progress_line
from orders.models import Erasure, Shipment
from platforms.models import Platform

SHIPMENT_TIMES = (
    "made_at", "queued_at", "attempted_at", "sent_at", "confirmed_at", "rejected_at", "unverified_at", "cancelled_at",
)  # fmt: skip


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
    """The keys of a failure in the API. `sync` is the id of the run that met it, or `audit` that of the audit."""
    return {
        "id": failure.pk,
        "sync": failure.log_id,
        "audit": failure.audit_id,
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
    """The keys of an audit in the API. Touches `platform` and `requested_by`; one query for its days."""
    days = audit.days.order_by("day", "marketplace_id")
    return listed_audit_as_json(audit) | {"days": [day_as_json(day) for day in days]}


def listed_audit_as_json(audit: OrderAudit) -> dict[str, Any]:
    """The same without its days, of which there are many."""
    figures = ("compared", "missing", "stale", "different", "only_here", "unread", "healed", "open")
    window = {"start": as_text(audit.window_start), "end": as_text(audit.window_end)}
    return _job_as_json(audit) | {"window": window, **{name: getattr(audit, name) for name in figures}}


def _job_as_json(job: OrderAudit | StockAudit | Backfill | CatchUp) -> dict[str, Any]:
    """What audits and backfills have in common. `quota_seconds` is of all operations together; `calls` has each:
    {"getOrder": {"calls": 3, "seconds": 6.0}}."""
    return {
        "id": job.pk,
        "platform": job.platform.name,
        "platform_id": job.platform_id,
        "trigger": job.trigger,
        "requested_by": job.requested_by.get_username() if job.requested_by else None,
        "status": job.status,
        "api_calls": job.api_calls,
        "quota_seconds": job.quota_seconds,
        "calls": job.calls,
        "error_code": job.error_code,
        "error_message": job.error_message,
        "queued_at": as_text(job.queued_at),
        "started_at": as_text(job.started_at),
        "finished_at": as_text(job.finished_at),
        "resume_at": as_text(job.resume_at),
    }


def stock_audit_as_json(audit: StockAudit) -> dict[str, Any]:
    """The keys of an audit of stock in the API. Touches `platform` and `requested_by`; one query for its
    marketplaces."""
    places = audit.marketplaces.order_by("marketplace_id")
    return listed_stock_audit_as_json(audit) | {
        "marketplaces": [audited_stock_as_json(place) for place in places]
    }


def listed_stock_audit_as_json(audit: StockAudit) -> dict[str, Any]:
    """The same without its marketplaces."""
    figures = ("compared", "missing", "different", "only_here", "unread", "healed", "open", "explained")
    return _job_as_json(audit) | {name: getattr(audit, name) for name in figures}


def audited_stock_as_json(place: AuditedStock) -> dict[str, Any]:
    """What is known of the stock of one marketplace. `report` names the list that it was compared with, and `asked_at`
    says as of when that is."""
    figures = ("listings", "missing", "different", "only_here", "healed", "open")
    return {
        "marketplace_id": place.marketplace_id,
        "state": place.state,
        **{name: getattr(place, name) for name in figures},
        "report": place.list_id,
        "asked_at": as_text(place.asked_at),
        "error_code": place.error_code,
        "error_message": place.error_message,
        "checked_at": as_text(place.checked_at),
    }


def listed_backfill_as_json(backfill: Backfill) -> dict[str, Any]:
    """The keys of a backfill in the API, without its progress. Touches `platform` and `requested_by`."""
    figures = ("listed", "created", "unread", "completed", "failed", "lacking")
    return _job_as_json(backfill) | {
        "window": {"start": as_text(backfill.window_start), "end": as_text(backfill.window_end)},
        "phase": backfill.phase,
        **{name: getattr(backfill, name) for name in figures},
        "listed_at": as_text(backfill.listed_at),
        "notes": [{"code": note["code"], "message": note["message"]} for note in backfill.notes],
    }


def backfill_as_json(backfill: Backfill) -> dict[str, Any]:
    """The same with how far it is; some queries. Ends are null where nobody knows them."""
    progress = progress_of(backfill)
    lists = {name: getattr(progress, name) for name in ("asked", "made", "stored")}
    return listed_backfill_as_json(backfill) | {
        "progress": {
            "lists": {"all": progress.lists, **lists},
            "orders": {"listed": progress.listed, "full": progress.full, "by_list": progress.by_list},
            "listing_ends": as_text(progress.listing_ends),
            "completing_ends": as_text(progress.completing_ends),
            "is_measured": progress.is_measured,
        }
    }


def listed_catch_up_as_json(catch_up: CatchUp) -> dict[str, Any]:
    """The keys of a catch-up in the API. Touches `platform` and `requested_by`."""
    figures = ("lists", "listed", "created", "changed", "unread", "completed", "failed", "lacking")
    return _job_as_json(catch_up) | {
        "since": as_text(catch_up.window_start),
        "known_until": as_text(catch_up.known_until),
        "longest_unknown_seconds": catch_up.longest_unknown,
        **{name: getattr(catch_up, name) for name in figures},
        "notes": [{"code": note["code"], "message": note["message"]} for note in catch_up.notes],
    }


def catch_up_as_json(catch_up: CatchUp) -> dict[str, Any]:
    """The same with the orders of its platform that are known by report now; one query."""
    return listed_catch_up_as_json(catch_up) | {"known_by_report": asdict(known_by_report(catch_up.platform))}


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """How the orders of a window would come here. Seconds from now, rounded up; null: never, or not known."""
    facts, split = plan.facts, plan.enrichment
    return {
        "goal": plan.goal,
        "span_seconds": round(facts.span.total_seconds()),
        "orders": facts.all_orders,
        "known": facts.known,
        "full": facts.full,
        "is_listed": facts.is_listed,
        "cheapest": plan.cheapest.code if plan.cheapest else None,
        "why": plan.why,
        "reason": why_line(plan),
        "lanes": [_lane_as_json(lane) for lane in plan.lanes],
        # How full answers are fetched side by side, where one of the lanes does that.
        "enrichment": None
        if split is None
        else {
            "pages": split.pages,
            "orders_by_pages": split.by_pages,
            "orders_by_id": split.by_id,
            "seconds": _seconds(split.seconds),
        },
    }


def _lane_as_json(lane: Lane) -> dict[str, Any]:
    return {
        "lane": lane.code,
        # As of an audit: {"getOrder": {"calls": 3, "seconds": 6.0}}.
        "calls": {
            name: {"calls": count, "seconds": round(lane.quota[name], 1)}
            for name, count in lane.calls.items()
        },
        "api_calls": sum(lane.calls.values()),
        "quota_seconds": round(lane.quota_seconds, 1),
        "seconds_until_listed": _seconds(lane.listed),
        "seconds_until_complete": _seconds(lane.complete),
        "obstacle": lane.obstacle,
    }


def _seconds(value: float | None) -> int | None:
    return None if value is None or math.isinf(value) else math.ceil(round(value, 3))


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


def shipment_as_json(shipment: Shipment) -> dict[str, Any]:
    """A shipment with its lines. Reads `order`, `platform` and `lines`."""
    return {
        "id": shipment.pk,
        "platform": shipment.platform.name,
        "platform_id": shipment.platform_id,
        "order_id": shipment.order_id,
        "external_id": shipment.order.external_id,
        "package_number": shipment.package_number,
        "state": shipment.state,
        "is_rehearsal": shipment.is_rehearsal,
        "source": shipment.source,
        **{
            name: getattr(shipment, name)
            for name in ("carrier", "carrier_name", "service", "tracking_number")
        },
        "shipped_at": as_text(shipment.shipped_at),
        "lines": [
            {"item_id": line.item_external_id, "quantity": line.quantity} for line in shipment.lines.all()
        ],
        **{
            name: getattr(shipment, name)
            for name in ("tries", "error_code", "error_message", "request_id", "made_by")
        },
        **{name: as_text(getattr(shipment, name)) for name in SHIPMENT_TIMES},
    }


def import_as_json(platform: Platform, result: ImportResult) -> dict[str, Any]:
    """What became of each row of a file of shipments."""
    return {
        "platform": platform.name,
        "platform_id": platform.pk,
        "is_preview": result.is_preview,
        "shipments": result.shipments,
        **{verdict.value: result.count(verdict) for verdict in RowVerdict},
        "rows": [
            {
                "row": row.number,
                "external_id": row.order_id,
                "tracking_number": row.tracking_number,
                "verdict": row.verdict.value,
                "code": row.code,
                "message": row.message,
                "shipment_id": row.shipment,
            }
            for row in result.rows
        ],
    }
