"""Pages of long lists: without counting a million rows, and without reading rows that are not shown."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.paginator import EmptyPage, Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from backoffice.base.model_admin import OmsChangeList, reads_no_rows
from core.database.counting import COUNTED
from core.format import grouped

LAST_PAGE = 10**8


class BoundedPaginator(Paginator[Any]):
    """Counts up to a bound; pages beyond it exist as long as there are rows. Without a bound, counts all.

    One query fetches ids of `found` in order, a second one the rows of the page from `rows`, which is not filtered.
    Where an index holds all that a list is filtered by, it answers the first one alone.
    """

    template_name = "oms/pagination.html"

    def __init__(
        self,
        found: QuerySet[Any],
        per_page: int,
        *,
        rows: QuerySet[Any],
        page_number: int,
        counted: int | None = COUNTED,
    ) -> None:
        super().__init__(found, per_page)
        self._found = found
        self._rows = rows
        self._number = page_number
        self._is_exact = counted is None
        self._counted = max(counted or 0, per_page)

    @cached_property
    def _ids(self) -> list[Any]:
        return self._ids_between(0, self._counted + 1)

    @cached_property
    def _ids_of_page(self) -> list[Any]:
        """One more than fit, where there are more."""
        start, end = self._start, self._start + self.per_page + 1
        if end <= self._counted + 1:
            return self._ids[start:end]
        return self._ids_between(start, end)

    @cached_property
    def is_capped(self) -> bool:
        if self._is_exact:
            return False
        # Beyond the counted rows, the page itself shows whether it is the last.
        if self._start >= self._counted:
            return len(self._ids_of_page) > self.per_page
        return len(self._ids) > self._counted

    @cached_property
    def count(self) -> int:
        """The number of rows; where `is_capped`, the number of rows that are known."""
        known_here = self._start + len(self._ids_of_page)
        if self._is_exact and len(self._ids_of_page) > self.per_page:
            return int(self._found.count())
        if self._start >= self._counted:
            return known_here
        return max(self._counted, known_here) if self.is_capped else len(self._ids)

    @property
    def _start(self) -> int:
        return (self._number - 1) * self.per_page

    def _ids_between(self, start: int, end: int) -> list[Any]:
        return list(self._found.values_list("pk", flat=True)[start:end])

    @property
    def shown_count(self) -> str:
        """`1,234`, or `10,000+` where there are more than were counted."""
        known = self.count // self.per_page * self.per_page if self.is_capped else self.count
        return f"{grouped(known)}{'+' if self.is_capped else ''}"

    def page(self, number: Any) -> Page[Any]:
        """The page that the paginator was made for, or the first one. Raises EmptyPage where it has no rows."""
        ids = self._ids_of_page[: self.per_page]
        if not ids and self._number > 1:
            raise EmptyPage
        return Page(self.rows_of(ids), self._number, self)

    def rows_of(self, ids: Sequence[Any]) -> Sequence[Any] | QuerySet[Any]:
        """The rows with these ids, in this order."""
        rows = {row.pk: row for row in self._rows.filter(pk__in=ids).order_by()}
        return [rows[pk] for pk in ids if pk in rows]


class BoundedChangeList(OmsChangeList):
    """An admin list on a BoundedPaginator. A search that is costly to count says so with `request.oms_is_scan`."""

    paginator_class = BoundedPaginator
    most_counted: int | None = COUNTED

    def counted(self, request: HttpRequest) -> int | None:
        """How far to count; only to the next page where each row costs a long scan."""
        return int(self.list_per_page) if getattr(request, "oms_is_scan", False) else self.most_counted

    def get_results(self, request: HttpRequest) -> None:
        if reads_no_rows(request):
            super().get_results(request)
            return
        number: int = self.page_num
        self.page_num = min(max(number, 1), LAST_PAGE)
        paginator = self.paginator_class(
            self.queryset,
            self.list_per_page,
            rows=self.root_queryset,
            page_number=self.page_num,
            counted=self.counted(request),
        )
        try:
            self.result_list = paginator.page(self.page_num).object_list
        except EmptyPage:
            raise IncorrectLookupParameters from None
        # An action is offered no more rows than are known; otherwise it would change more than it says.
        known = len(self.result_list) if paginator.is_capped else paginator.count
        self.result_count = self.full_result_count = known
        self.show_full_result_count = self.can_show_all = False
        self.show_admin_actions = bool(self.result_count)
        self.multi_page = paginator.count > self.list_per_page
        self.paginator = paginator
