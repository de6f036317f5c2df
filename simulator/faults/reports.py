"""What can go wrong with reports: how they end, when, what is in them, and how long their links work.

What holds for every answer (`kinds.py`) goes for the file behind a link as well; its operation is "document".
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator.faults.base import Call, Fault, Site
from simulator.reports import Report
from simulator.wire import Canned


class OfReport(Fault):
    """Changes a report that was just asked for; other calls are left as they are."""

    def after(self, site: Site, call: Call, answer: Canned) -> Canned:
        report = site.reports.of_answer(answer) if call.operation == "createReport" else None
        if report is not None:
            self.change(report)
        return answer

    def change(self, report: Report) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class EndReport(OfReport):
    """The report ends FATAL or CANCELLED. `reason` is what the document of a FATAL one says; "": it has none."""

    status: str
    reason: str = ""

    def __post_init__(self) -> None:
        if self.status not in ("FATAL", "CANCELLED", "DONE"):
            raise ValueError("a report ends FATAL, CANCELLED or DONE")

    def change(self, report: Report) -> None:
        report.ending, report.reason = self.status, self.reason


@dataclass(frozen=True)
class SlowReport(OfReport):
    """The report is made so many seconds later."""

    seconds: float

    def change(self, report: Report) -> None:
        report.done_at += self.seconds


class DoubleRows(OfReport):
    """The first three rows of the document are there once more, at its end."""

    def change(self, report: Report) -> None:
        report.is_doubled = True


@dataclass(frozen=True)
class BreakRows(OfReport):
    """So many rows of the document lack their last column; or all of them, so that they name no order either."""

    count: int = 1
    unnamed: bool = False

    def change(self, report: Report) -> None:
        report.broken_rows, report.are_unnamed = self.count, self.unnamed


@dataclass(frozen=True)
class CutShort(OfReport):
    """The document ends after this share of its rows, and looks whole."""

    share: float = 0.5

    def change(self, report: Report) -> None:
        report.share = self.share


class ExpireLinks(Fault):
    """All links to documents handed out so far are expired, from this call on."""

    def before(self, site: Site, call: Call) -> Canned | None:
        site.reports.expire_links()
        return None
