"""The page that takes a carrier's file: it shows what becomes of each row, and ships once that was seen.

Between the steps the rows stand in the page, signed: nothing of the file is stored.
"""

from dataclasses import asdict
from hashlib import blake2b
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views import View

from access.confinement import visible_platforms, within
from backoffice.shipping.columns_form import ColumnsForm, said_by
from backoffice.shipping.presentation import SHIP, known_carriers
from backoffice.shipping.shipping import writing_context
from backoffice.shipping.writing import confirms
from core.format import grouped
from core.spreadsheets import MOST_BYTES, BadTable, Row, Table, read_table
from integrations.errors import BadInput
from integrations.shipping.importing.columns import columns_of, remember_columns
from integrations.shipping.importing.run import (
    MOST_AT_ONCE,
    ImportResult,
    RowResult,
    RowVerdict,
    import_shipments,
    refused_rows,
)
from integrations.shipping.overview import standing_of
from integrations.wording import bad_table_line
from platforms.models import Platform

SALT = "shipments-of-a-file"
LASTS = 12 * 3600  # seconds that a preview can be acted on
ROOM = 50_000  # bytes of a request, beside a file or its rows
MOST_SHOWN = 500  # rows, those that were refused first
ORDERED = (RowVerdict.REFUSED, RowVerdict.KNOWN, RowVerdict.GOOD)


class Unusable(Exception):
    """Nothing can be done with what was sent. `str()` is a sentence in the reader's language."""


class ShipmentImport(View):
    """GET asks for a file; POST shows what becomes of its rows, with `ship` ships them, with `refused` hands out those
    that were refused, as a file."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.has_perm(SHIP):
            raise PermissionDenied
        rows = Platform.objects.filter(is_active=True).defer("api_config").order_by("name")
        visible = within(rows, visible_platforms(request), "pk")
        self.platforms = [platform for platform in visible if confirms(platform)]
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            platform = self._platform(request)
            table = _held(request) if "held" in request.POST else _uploaded(request)
            held = signing.dumps(_as_lists(table), salt=_salt(request), compress=True)
            if len(held) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE - ROOM:  # the page could not send it back
                raise Unusable(_("The file is too large to be shown. Split it, or leave columns out."))
        except Unusable as problem:
            return self._page(request, problem=str(problem))
        said = request.POST if "held" in request.POST else said_by(columns_of(platform, table), platform)
        form = ColumnsForm(said, table=table)
        context = {
            "form": form,
            "held": held,
            "platform": platform,
            "file_name": _file_name(request),
            "carriers": [carrier.label for carrier in known_carriers(platform.kind).values()],
            **writing_context(request, standing_of(platform)),
        }
        answer = self._judged(request, platform, table, form) if form.is_valid() else {}
        return answer if isinstance(answer, HttpResponse) else self._page(request, **context, **answer)

    def _platform(self, request: HttpRequest) -> Platform:
        """Raises Unusable."""
        asked = request.POST.get("platform", "")
        for platform in self.platforms:
            if str(platform.pk) == asked:
                return platform
        raise Unusable(_("Choose the platform that the orders are from."))

    def _judged(
        self, request: HttpRequest, platform: Platform, table: Table, form: ColumnsForm
    ) -> dict[str, Any] | HttpResponse:
        columns, who = form.columns(), request.user.get_username()
        try:
            result = import_shipments(platform, table, columns, who=who, is_preview=True)
        except BadInput as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
            return {}
        if "refused" in request.POST:
            return _file(table, result)
        seal = _seal([platform.pk, asdict(columns), [(row.order_id, row.code) for row in result.rows]])
        if "ship" in request.POST and request.POST["ship"] == seal:
            result = import_shipments(platform, table, columns, who=who)
            remember_columns(platform, table, columns, who=who)
            messages.success(request, _made_line(result))
        elif "ship" in request.POST and not result.shipments and result.count(RowVerdict.KNOWN):
            messages.info(request, _("These packages are known already: nothing is shipped twice."))
        elif "ship" in request.POST:
            text = _("Something was changed since the rows were shown. Nothing is shipped yet: look again.")
            messages.warning(request, text)
        return _shown(result) | {"seal": seal}

    def _page(self, request: HttpRequest, **context: Any) -> HttpResponse:
        context |= {
            **admin.site.each_context(request),
            "title": _("Import shipments"),
            "platforms": self.platforms,
            "most_bytes": settings.DATA_UPLOAD_MAX_MEMORY_SIZE - ROOM,
            "chosen": request.POST.get("platform", ""),
        }
        is_wrong = "problem" in context or ("form" in context and not context["form"].is_valid())
        return TemplateResponse(request, "shipping/import.html", context, status=422 if is_wrong else 200)


def _file_name(request: HttpRequest) -> str:
    file: Any = request.FILES.get("file")
    return str(file.name if file else request.POST.get("name", ""))[:200]


def _uploaded(request: HttpRequest) -> Table:
    """Raises Unusable."""
    file = request.FILES.get("file")
    if file is None:
        raise Unusable(_("Choose a file."))
    try:
        if (file.size or 0) > MOST_BYTES:
            raise BadTable("too_large", MOST_BYTES)
        return read_table(file.read(), most_rows=MOST_AT_ONCE)
    except BadTable as error:
        more = _("Larger ones are taken by manage.py import_shipments.")
        hint = more if error.code == "too_many_rows" else ""
        raise Unusable(f"{bad_table_line(error)} {hint}".strip()) from None


def _held(request: HttpRequest) -> Table:
    """The rows that this reader was shown. Raises Unusable."""
    try:
        headings, rows = signing.loads(request.POST["held"], salt=_salt(request), max_age=LASTS)
    except signing.BadSignature:
        raise Unusable(_("This preview is too old. Upload the file again.")) from None
    return Table(tuple(headings), tuple(Row(number, tuple(cells)) for number, cells in rows))


def _as_lists(table: Table) -> list[Any]:
    return [table.headings, [[row.number, row.cells] for row in table.rows]]


def _salt(request: HttpRequest) -> str:
    return f"{SALT}:{request.user.pk}"


def _seal(seen: Any) -> str:
    """Tells one preview from another: other columns, or what is stored meanwhile, make others of it."""
    return blake2b(repr(seen).encode(), digest_size=16).hexdigest()


def _file(table: Table, result: ImportResult) -> HttpResponse:
    """With the mark by which a spreadsheet knows the encoding."""
    text = refused_rows(table, result).encode("utf-8-sig")
    headers = {"Content-Disposition": 'attachment; filename="refused.csv"'}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


def _shown(result: ImportResult) -> dict[str, Any]:
    rows = sorted(result.rows, key=lambda row: (ORDERED.index(row.verdict), row.number))
    counts = {verdict.value: result.count(verdict) for verdict in RowVerdict}
    return {
        "result": result,
        "counts": counts,
        "rows": [_row(row, result) for row in rows[:MOST_SHOWN]],
        "hidden": max(len(rows) - MOST_SHOWN, 0),
        "is_known": counts[RowVerdict.KNOWN] and counts[RowVerdict.KNOWN] == len(rows),
    }


def _row(row: RowResult, result: ImportResult) -> dict[str, Any]:
    good = _("would be shipped") if result.is_preview else _("shipped")
    words = {RowVerdict.GOOD: good, RowVerdict.KNOWN: _("known already"), RowVerdict.REFUSED: _("refused")}
    return {"row": row, "word": words[row.verdict]}


def _made_line(result: ImportResult) -> str:
    """For the message after it."""
    made = result.shipments
    if not made:
        return _("Nothing was shipped.")
    if any(row.is_rehearsal for row in result.rows if row.verdict == RowVerdict.GOOD):
        text = ngettext("%(n)s package is rehearsed.", "%(n)s packages are rehearsed.", made)
    else:
        text = ngettext(
            "%(n)s package is shipped, and waits to be sent.",
            "%(n)s packages are shipped, and wait to be sent.",
            made,
        )
    return text % {"n": grouped(made)}
