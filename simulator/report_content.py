"""The lines of a report's document: what the account had when it was asked for, and what faults make of it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import TYPE_CHECKING

from simulator.account import Account
from simulator.orders import from_ms, to_ms
from simulator.render import report as order_report
from simulator.render import stock_report

if TYPE_CHECKING:
    from simulator.reports import Report, Reports

Rows = list[dict[str, str]]
MERCHANTS = 20  # of so many listings, the merchant ships one more


def content_lines(report: Report, reports: Reports) -> list[str]:
    """A header and the rows; [] where there is none."""
    if report.stock is not None:
        columns, rows = list(stock_report.COLUMNS), report.stock
    else:
        columns, rows = list(order_report.COLUMNS), _order_rows(report, reports)
    if reports.shuffled is not None:
        Random(reports.shuffled).shuffle(columns)
    lines = ["\t".join(row[name] for name in columns) for row in rows]
    if not lines:
        return []
    broken = ["?" if report.are_unnamed else line.rpartition("\t")[0] for line in lines[: report.broken_rows]]
    lines[: report.broken_rows] = broken
    lines = lines[: round(len(lines) * report.share)]
    if report.is_doubled:
        lines += lines[:3]
    named = [f"列 {number}" for number, _ in enumerate(columns)] if reports.translated else columns
    return ["\t".join(named), *lines]


def stock_rows(account: Account, marketplaces: Sequence[str]) -> Rows:
    """All listings of these marketplaces, as they are now; none of a seller without FBA."""
    if not account.fba:
        return []
    with account.lock:
        rows = [
            stock_report.render_stock_row(account.stock(place, key))
            if account.is_listed(place, key)
            else stock_report.closed_row(account.stock(place, key))
            for place in marketplaces
            for key in account.stock_keys
        ]
    rows += map(stock_report.merchants_row, range(1, 2 + len(rows) // MERCHANTS))
    Random(len(rows)).shuffle(rows)  # the order is not documented
    return rows


def moment(stamp: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=stamp)


def _order_rows(report: Report, reports: Reports) -> Rows:
    with report.account.lock:
        orders = [report.account.order(index) for index in _indexes(report, reports)]
    return [row for order in orders for row in order_report.render_rows(order, reports.offset_minutes)]


def _indexes(report: Report, reports: Reports) -> Iterator[int]:
    account = report.account
    timeline = account.by_updated if report.is_by_update else account.by_created
    stop = bisect_left(timeline, (to_ms(report.end), -1))
    newest = moment(report.created) - reports.lag
    for ms, index in islice(timeline, bisect_left(timeline, (to_ms(report.start), -1)), stop):
        known = account.outline(index)
        is_mine = known.outside_amazon or known.marketplace_id in report.marketplaces
        if is_mine and from_ms(ms) <= newest:
            yield index
