"""The addresses of the exports: `…/export/<name>.csv` and `.xlsx` beside each list, with the list's own parameters."""

import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import UTC, tzinfo
from functools import cache, partial
from threading import BoundedSemaphore
from typing import Any, Protocol

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from access.second_factor.sessions import is_fresh
from backoffice.base.freshness import confirmation_address
from backoffice.export.as_csv import csv_stream
from backoffice.export.as_xlsx import xlsx_stream
from backoffice.export.chunks import Cells, Chunk, chunks_of, ids_of
from backoffice.export.progress import ExportProgress
from backoffice.export.reader import MACHINE, labelled, labels, names, of_language, titles
from backoffice.export.table import Export
from backoffice.lists.columns import shown_columns
from backoffice.models import ExportRun
from core.format import grouped

TYPES = {
    "csv": "text/csv; charset=utf-8",  # for spreadsheets of the reader's language
    "machine.csv": "text/csv; charset=utf-8",  # for programs: the same for everybody
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
LABELS = {"csv": "CSV", "machine.csv": gettext_lazy("CSV for programs"), "xlsx": "XLSX"}
PATIENCE = 59  # answers in a row without news, a second apart
WAITING = "export_waiting"  # in the session: the export that waits until somebody has confirmed that it is he
WAITS = 600  # seconds
TOKEN = "export_token"  # noqa: S105  the parameter's name
# What may be chosen for a file: the value of each parameter. `export_columns` takes names of columns, too.
TIMES, COLUMNS = "export_times", "export_columns"
OPTIONS = {TIMES: "utc", COLUMNS: "shown"}


class ExportingAdmin(Protocol):
    """What an export needs of the admin of a list."""

    exports: Sequence[Export]
    opts: Any
    model: Any

    def has_view_permission(self, request: HttpRequest) -> bool: ...

    def get_changelist_instance(self, request: HttpRequest) -> Any: ...


def export_list(admin: ExportingAdmin, request: HttpRequest, name: str, extension: str) -> Any:
    """The list as the address describes it, all pages of it. 400 for parameters that the list does not know."""
    export = next((candidate for candidate in admin.exports if candidate.name == name), None)
    if export is None or extension not in TYPES:
        raise Http404
    if not admin.has_view_permission(request):
        raise PermissionDenied
    if not is_fresh(request):
        return _ask_first(admin, request)
    token = take_token(request)
    query = request.GET.copy()
    given = {name: query.pop(name, [""])[-1] for name in OPTIONS}
    chosen = {name for name, value in OPTIONS.items() if given[name] == value}
    names = [] if COLUMNS in chosen else list(filter(None, given[COLUMNS].split(",")))
    request.GET = query  # type: ignore[assignment]  # a QueryDict as well; the list refuses what it does not know
    changelist = admin.get_changelist_instance(request)
    problems = [*changelist.problems, *_column_problems(export, names)]
    if problems:
        text = _(
            "These filters cannot be used, so nothing was exported. Open the list and export from there."
        )
        return HttpResponseBadRequest(" ".join([text, *problems]), content_type="text/plain; charset=utf-8")
    if names:
        export = export.with_columns(names)
    return in_slot(
        lambda: _file_response(
            admin,
            request,
            _chosen_export(admin, request, export, chosen),
            extension,
            chosen,
            changelist,
            token,
        ),
        lambda: too_many(request, _list_of(admin)),
    )


def take_token(request: HttpRequest) -> str:
    """What the link calls this export, to ask how far it got; it is no filter, and is taken out of the address."""
    query = request.GET.copy()
    token = str(query.pop(TOKEN, [""])[-1])
    request.GET = query  # type: ignore[assignment]  # a QueryDict as well
    return token


def _column_problems(export: Export, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if name not in export.columns or export.is_uploaded:
            yield _("There is no column “%(name)s” in this export.") % {"name": name[:64]}


def in_slot(
    file: Callable[[], HttpResponseBase], refused: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    """The file, or `refused` where as many are being sent as this process may."""
    if not _slots().acquire(blocking=False):
        return refused()
    try:
        response = file()
    except BaseException:
        _slots().release()
        raise
    if response.streaming:
        # The server closes it, however it ends.
        response._resource_closers.append(_slots().release)  # type: ignore[attr-defined]
    else:
        _slots().release()
    return response


@cache
def _slots() -> BoundedSemaphore:
    """Exports of this process at the same time: to a slow reader, each holds a thread (oms/slow_clients.py)."""
    return BoundedSemaphore(settings.EXPORTS_AT_ONCE)


def too_many(request: HttpRequest, page: str) -> HttpResponse:
    text = _("Other exports are being made just now, so nothing was exported. Try again in a minute.")
    messages.warning(request, text)
    return HttpResponseRedirect(f"{page}?{request.GET.urlencode()}".rstrip("?"))


def _list_of(admin: ExportingAdmin) -> str:
    return reverse(f"admin:{admin.opts.app_label}_{admin.opts.model_name}_changelist")


def _chosen_export(admin: Any, request: HttpRequest, export: Export, chosen: Collection[str]) -> Export:
    """With the columns of the reader's list, where these are asked for."""
    if COLUMNS in chosen and export.of_list:
        return export.with_columns_of(shown_columns(admin, request))
    return export


def _file_response(
    admin: ExportingAdmin,
    request: HttpRequest,
    export: Export,
    extension: str,
    chosen: Collection[str],
    changelist: Any,
    token: str,
) -> HttpResponseBase:
    ids = ids_of(changelist.queryset)
    rows = export.annotate((export.lines or admin.model)._default_manager.all())
    chunks = chunks_of(rows, ids, key=export.key, paths=export.paths)
    # Before the first row is asked for: language and time zone are those of this request.
    zone = UTC if TIMES in chosen else timezone.get_current_timezone()
    file = _file_of(export, extension, rows, zone)
    return send_file(
        request,
        name=export.name,
        extension=extension,
        rows=len(ids),
        chunks=chunks,
        file=lambda pieces: file(map(export.cells_of, pieces)),
        token=token,
    )


def send_file(
    request: HttpRequest,
    *,
    name: str,
    extension: str,
    rows: int,
    chunks: Iterator[Chunk],
    file: Callable[[Iterable[Cells]], Iterator[bytes]],
    token: str,
) -> HttpResponseBase:
    """What `file` makes of the cells of these chunks, sent piece by piece, recorded, and with its progress stored."""
    file_name = f"{name}-{timezone.now():%Y%m%d-%H%M}.{extension.removeprefix('machine.')}"
    try:
        progress = ExportProgress.begin(
            user=request.user,
            token=token[:64],
            file_name=file_name,
            query=request.GET.urlencode(),
            rows=rows,
        )
    except IntegrityError:
        return HttpResponseBadRequest(
            _("This link is another user's. Reload the list, and export again."),
            content_type="text/plain",
        )
    response = StreamingHttpResponse(_stream(file, progress, chunks), content_type=TYPES[extension])
    response["Content-Disposition"] = f'attachment; filename="{file_name}"'
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # nginx would keep it on disk first
    return response


def _ask_first(admin: ExportingAdmin, request: HttpRequest) -> HttpResponse:
    """The list was open for too long. Once it is confirmed, the list is shown, and goes on with this export."""
    address = _list_of(admin)
    query = request.GET.copy()
    query.pop(TOKEN, None)
    request.session[WAITING] = {"list": address, "export": request.get_full_path(), "at": time.time()}
    back = f"{address}?{query.urlencode()}" if query else address
    return HttpResponseRedirect(confirmation_address(request, back))


def go_on_with_export(request: HttpRequest, response: HttpResponse) -> None:
    """The page of a list whose export was asked for, and waited until somebody had confirmed that it is he."""
    waiting = request.session.get(WAITING)
    if not waiting or waiting["list"] != request.path or not is_fresh(request):
        return
    del request.session[WAITING]
    if time.time() - waiting["at"] < WAITS:
        response.headers["Refresh"] = f"0; url={waiting['export']}"  # a file: the list stays where it is


def export_links(admin: ExportingAdmin, request: HttpRequest) -> Iterator[dict[str, Any]]:
    """The links on the list's page: the same rows, whichever page is shown. Where somebody has to confirm first that it
    is he, they lead there."""
    stale = "" if is_fresh(request) else confirmation_address(request)
    query = request.GET.copy()
    for name in ("p", "e", "all"):
        query.pop(name, None)
    address_of = f"admin:{admin.opts.app_label}_{admin.opts.model_name}_export"
    for export in admin.exports:
        for extension, kind in LABELS.items():
            address = reverse(address_of, args=[export.name, extension])
            token = query[TOKEN] = uuid.uuid4().hex
            yield {
                "label": export.label,
                "kind": kind,
                "address": stale or f"{address}?{query.urlencode()}",
                "progress": reverse("export-progress", args=[token]),
                "takes_options": extension != "machine.csv" and not export.is_uploaded,
            }


def _file_of(
    export: Export, extension: str, rows: QuerySet[Any], zone: tzinfo
) -> Callable[[Iterable[Cells]], Iterator[bytes]]:
    """What makes the file out of its rows, with times in `zone` where people read it."""
    if extension == "machine.csv":
        return partial(csv_stream, list(export.columns), reader=MACHINE)
    if extension == "csv" and export.is_uploaded:
        return partial(csv_stream, names(export.columns, rows), reader=of_language())
    headings = titles(export.columns, rows, zone)
    known = labels(export.columns, rows)
    if extension == "csv":
        file = partial(csv_stream, headings, reader=of_language(zone))
    else:
        file = partial(xlsx_stream, headings, sheet_name=str(export.label), zone=zone, amounts=export.amounts)
    return lambda chunks: file(labelled(chunks, known))


def _stream(
    file: Callable[[Iterable[Cells]], Iterator[bytes]],
    progress: ExportProgress,
    chunks: Iterator[Chunk],
) -> Iterator[bytes]:
    """An exception ends it without the end mark of the transfer, so that the browser sees that the file is
    incomplete."""
    with progress:
        yield from file(chunk.cells for chunk in progress.watch(chunks))


@require_safe
def export_progress(request: HttpRequest, token: str) -> HttpResponse:
    """{"rows", "rows_done", "is_done", "failed"} of an export of this user's; 404 until it began.

    htmx gets a sentence instead, which asks again after a second until the export ends or stands still.
    """
    run = ExportRun.objects.filter(token=token, user__username=request.user.get_username()).first()
    if "HX-Request" in request.headers:
        return render(request, "oms/export_status.html", _status(request, token, run))
    if run is None:
        raise Http404
    is_done = run.finished_at is not None
    return JsonResponse(
        {"rows": run.rows, "rows_done": run.rows_done, "is_done": is_done, "failed": run.failed}
    )


def _status(request: HttpRequest, token: str, run: ExportRun | None) -> dict[str, Any]:
    """For the template: the run, whether it stands still, and where to ask again ("" at the end)."""
    rows_done = run.rows_done if run else 0
    is_news = run is not None and request.GET.get("done") != str(rows_done)
    waited = request.GET.get("waited", "")
    waited_for = 0 if is_news or not waited.isdecimal() else int(waited[:3]) + 1
    is_over = run is not None and run.finished_at is not None
    again = f"{reverse('export-progress', args=[token])}?waited={waited_for}"
    if run is not None:
        again += f"&done={rows_done}"
    stands_still = waited_for >= PATIENCE
    return {
        "run": run,
        "rows": grouped(run.rows if run else 0),
        "done": grouped(rows_done),
        "stands_still": stands_still,
        "again": "" if is_over or stands_still else again,
    }
