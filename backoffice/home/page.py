"""The two answers of the home page: the page itself, and its charts, which the page asks for once it is shown."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from access.confinement import visible_platforms
from backoffice.alerts.conditions import (
    PERMISSIONS,
    Condition,
    Kind,
    of_administrators,
    of_completeness,
    of_exports,
    of_platforms,
    of_processes,
    of_shipments,
    of_shipping,
    of_sign_ins,
)
from backoffice.base.charts import Chart
from backoffice.completeness.admin import SEE as SEE_COMPLETENESS
from backoffice.completeness.presentation import Proven, proven
from backoffice.home import attention, charts, health
from backoffice.home.source import counted_source
from backoffice.scheduled.people import exports_of
from integrations.completeness.overview import proofs_of
from platforms.models import Source

CHARTS = ("orders.view_order", "inventory.view_inventoryitem", "integrations.view_apiusage")
MOST_SYNCS = 8
MOST_PLATFORMS = 12
MOST_CONDITIONS = 8
# Of these, and these alone, no tile and no row of a platform tells.
ON_TOP = (
    Kind.LAGGING, Kind.CREDENTIALS, Kind.SCHEDULER, Kind.WORKERS, Kind.QUEUE, Kind.SENDER, Kind.LOCKED, Kind.GUESSING,
    Kind.TOKENS, Kind.KNOWN_TOKEN, Kind.ADMINISTRATOR, Kind.SHIPPING, Kind.EXPORTS,
    Kind.REJECTED, Kind.UNVERIFIED, Kind.UNSENT, Kind.WRITING, Kind.INCOMPLETE, Kind.AUDITS,
    Kind.BACKFILL,
)  # fmt: skip


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What unfold's index page shows: only what this user may open. UNFOLD["DASHBOARD_CALLBACK"]."""
    may = request.user.has_perm
    context |= {"title": _("Home"), "shows_charts": any(may(permission) for permission in CHARTS)}
    tiles: list[attention.Tile] = []
    visible = visible_platforms(request)
    source = counted_source(visible)
    context["is_mock"] = source == Source.MOCK
    if may("orders.view_order"):
        context["to_ship"], more = attention.orders(source, visible)
        tiles += more
    if may("integrations.view_syncfailure"):
        failures, context["failures"] = attention.failures(visible)
        tiles.append(failures)
        context["failures_href"] = failures.href
    healths: list[health.Health] = []
    if may("platforms.view_platform") or may("integrations.view_synclog"):
        healths = health.of_platforms(visible)
        proofs = _proofs(request, healths)
        context |= _platforms(request, healths, proofs)
        tiles += attention.open_days([each for each in proofs.values() if each.platform.is_active])
    context |= _on_top(request, healths)
    if may("inventory.view_inventoryitem"):
        tiles += attention.stock(source, visible)
    if may("webhooks.view_endpoint"):
        tiles += attention.webhooks(visible)
    if may("integrations.view_synclog"):
        tiles += attention.alerts(visible)
    return context | {"tiles": tiles}


def _proofs(request: HttpRequest, healths: list[health.Health]) -> dict[int, Proven]:
    """How far the orders of each platform are proven complete, of those that were audited. One query at most."""
    if not request.user.has_perm(SEE_COMPLETENESS):
        return {}
    platforms = {item.platform.pk: item.platform for item in healths}
    return {pk: proven(platforms[pk], proof) for pk, proof in proofs_of(platforms).items()}


def _platforms(
    request: HttpRequest, healths: list[health.Health], proofs: dict[int, Proven]
) -> dict[str, Any]:
    """The states of the platforms, the syncs with problems, and the first steps of a newcomer."""
    may = request.user.has_perm
    # While a sync is open, the page asks for these parts anew.
    shown: dict[str, Any] = {"is_syncing": any(log.is_open for item in healths for log in item.logs)}
    if may("platforms.view_platform"):
        shown |= {
            "healths": [(item, proofs.get(item.platform.pk)) for item in healths[:MOST_PLATFORMS]],
            "more_platforms": max(len(healths) - MOST_PLATFORMS, 0),
            "may_enter": may("platforms.change_platform"),
        }
        if shown["may_enter"] and not any(moment for item in healths for moment in item.good.values()):
            shown["first_steps"] = _first_steps(healths)
    if may("integrations.view_synclog"):
        syncs = health.with_problems(healths)
        shown |= {
            "syncs": syncs[:MOST_SYNCS],
            "more_syncs": max(len(syncs) - MOST_SYNCS, 0),
            "now": timezone.now(),
        }
    return shown


def _on_top(request: HttpRequest, healths: list[health.Health]) -> dict[str, Any]:
    """What people are also told of by e-mail, in the same words."""
    now = timezone.now()
    conditions: list[Condition] = []
    if request.user.has_perm(PERMISSIONS[Kind.LOCKED]):
        conditions += [*of_sign_ins(now), *of_administrators()]
    if request.user.has_perm(PERMISSIONS[Kind.SHIPPING]):
        conditions += of_shipping(now)
    if request.user.has_perm(PERMISSIONS[Kind.SCHEDULER]):
        conditions += of_processes(now)
    if request.user.has_perm(PERMISSIONS[Kind.REJECTED]):
        conditions += of_shipments([item.platform for item in healths if item.platform.is_active], now)
    if request.user.has_perm(PERMISSIONS[Kind.LAGGING]):
        conditions += of_platforms(healths, now)
    if request.user.has_perm(PERMISSIONS[Kind.INCOMPLETE]):
        conditions += of_completeness(healths, now)
    if request.user.has_perm(PERMISSIONS[Kind.EXPORTS]):
        conditions += of_exports(exports_of(request.user))
    lines = [each.shown() for each in conditions if each.kind in ON_TOP]
    if request.user.has_perm("platforms.view_platform"):
        lines = [
            health.plain_line(item.platform) for item in healths if item.platform.has_plain_config
        ] + lines
    return {"conditions": lines[:MOST_CONDITIONS], "more_conditions": max(len(lines) - MOST_CONDITIONS, 0)}


def _first_steps(healths: list[health.Health]) -> dict[str, Any]:
    """Three steps to the first live order: which are done, and where to do the others."""
    platforms = [item.platform for item in healths]
    first = platforms[0] if platforms else None
    return {
        "platform": first,
        "has_credentials": any(
            platform.is_configured and not platform.config_problem for platform in platforms
        ),
        "is_checked": any(platform.check_outcome.get("ok") for platform in platforms),
        "has_mock": any(item.state == health.State.MOCK for item in healths),
    }


@never_cache
def home_charts(request: HttpRequest) -> HttpResponse:
    """The charts, as a piece of HTML; empty where this user may see no figures. Behind the admin's log-in."""
    may = request.user.has_perm
    shown: list[Chart] = []
    visible = visible_platforms(request)
    source = counted_source(visible)
    context: dict[str, Any] = {"charts": shown, "is_mock": source == Source.MOCK}
    if may("orders.view_order"):
        sales = charts.of_sales(source, visible)
        shown += sales.orders + charts.of_best_sellers(source, visible) + sales.revenues
        context |= {"as_of": sales.as_of, "note": sales.note}
    if may("inventory.view_inventoryitem"):
        shown += charts.of_stock(visible)
    if may("integrations.view_apiusage"):
        shown += charts.of_usage(visible)
    return TemplateResponse(request, "oms/home_charts.html", context)
