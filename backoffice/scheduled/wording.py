"""Scheduled exports and their runs in words and badges."""

from django.utils.dates import WEEKDAYS
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backoffice.base.cells import badge, label_of, stacked
from backoffice.scheduled.calendar import Every
from backoffice.scheduled.catalogue import items
from backoffice.scheduled.models import ScheduledExport, ScheduledExportRun
from backoffice.scheduled.problems import Problem
from core.format import DASH, format_datetime, grouped

Status, To = ScheduledExportRun.Status, ScheduledExport.To
COLOURS: dict[str, str] = {
    Status.SUCCEEDED: "success",
    Status.FAILED: "danger",
    Status.REFUSED: "danger",
    Status.WAITING: "warning",
    Status.RUNNING: "info",
    Status.QUEUED: "info",
}
# What happened, and what to do next. Each may name what it is about.
PROBLEMS: dict[str, Promise] = {
    Problem.NO_OWNER: gettext_lazy(
        "It has no owner any more, so nothing is sent. Somebody has to take it over."
    ),
    Problem.OWNER_INACTIVE: gettext_lazy(
        "Its owner %(detail)s may not sign in any more, so nothing is sent. Somebody has to take it over."
    ),
    Problem.OWNER_MAY_NOT: gettext_lazy(
        "Its owner %(detail)s may not see this list, or not schedule exports, any more, so nothing is sent. Give the "
        "permission back, or take the export over."
    ),
    Problem.REFUSED: gettext_lazy("The file was refused: %(detail)s Change the filter."),
    Problem.GONE: gettext_lazy(
        "There is nothing to export that is called %(detail)s any more. Delete this one."
    ),
    Problem.EMAIL_OFF: gettext_lazy("EMAIL_URL is not set, so no e-mail can be sent."),
    Problem.ADDRESS_NOT_ALLOWED: gettext_lazy(
        "EXPORTS_EMAIL_DOMAINS does not allow %(detail)s, so nothing was sent. Change the addresses."
    ),
    Problem.ADDRESS_REFUSED: gettext_lazy(
        "The mail server did not take it for %(detail)s; the other addresses have it. Correct these."
    ),
    Problem.TOO_LARGE: gettext_lazy(
        "The file has more than %(detail)s MiB, which many mail servers refuse, and was not sent. Filter more, or take "
        "a folder or the store."
    ),
    Problem.MAIL: gettext_lazy("The mail server did not take it (%(detail)s)."),
    Problem.FOLDER_OFF: gettext_lazy("The folder of EXPORTS_FOLDER is not there: %(detail)s"),
    Problem.FOLDER_OUTSIDE: gettext_lazy(
        "The folder %(detail)s does not lie below EXPORTS_FOLDER, so nothing was written. Choose another one."
    ),
    Problem.DISK: gettext_lazy("The file could not be written (%(detail)s). No half of it was left."),
    Problem.STORE_OFF: gettext_lazy("The S3-compatible store is not set up on this host: %(detail)s"),
    Problem.STORE_REFUSED: gettext_lazy(
        "The store refused the file (%(detail)s). Compare its keys, bucket and permissions with EXPORTS_STORE_…."
    ),
    Problem.STORE: gettext_lazy("The store did not take the file (%(detail)s)."),
    Problem.DATABASE: gettext_lazy("The database could not be used while the file was made."),
    Problem.UNEXPECTED: gettext_lazy("A mistake of OMS (%(detail)s); the log of the worker has more."),
    Problem.LOST: gettext_lazy("The worker ended while it made the file, again and again."),
    Problem.OVERTAKEN: gettext_lazy(
        "It was still being tried again when the next one was due, and was given up."
    ),
}


def when(export: ScheduledExport) -> str:
    """ "every week: Monday, 06:00 (Europe/Berlin)"."""
    clock = f"{export.hour:02}:00 ({export.time_zone})"
    how = export.get_every_display()
    if export.every == Every.WEEKLY:
        return f"{how}: {WEEKDAYS.get(export.weekday, DASH)}, {clock}"
    if export.every == Every.MONTHLY:
        day = _("day %(day)d") % {"day": export.month_day}
        return f"{how}: {day}, {clock}"
    return f"{how}, {clock}"


def what(export: ScheduledExport) -> str:
    """ "Order lines, XLSX"."""
    item = items().get(export.file)
    return f"{item.label if item else export.file}, {export.get_format_display()}"


def where_to(export: ScheduledExport) -> str:
    if export.destination == To.EMAIL:
        count = len(export.recipients)
        if count == 1:
            return str(export.recipients[0])
        return ngettext("%(count)s address", "%(count)s addresses", count) % {"count": grouped(count)}
    place = f"{export.folder}/" if export.folder else "/"
    return f"{export.get_destination_display()}: {place}"


def status_badge(status: str) -> SafeString:
    return badge(label_of(Status, status), COLOURS.get(status, ""))


def run_sentence(run: ScheduledExportRun) -> str:
    """How it went, and what to do."""
    parts = [_outcome(run)]
    if run.status == Status.WAITING and run.resume_at:
        parts.append(_("It is tried again at %(time)s.") % {"time": format_datetime(run.resume_at)})
    if run.missed:
        text = ngettext(
            "%(count)s earlier time was missed: no scheduler ran.",
            "%(count)s earlier times were missed: no scheduler ran.",
            run.missed,
        )
        parts.append(text % {"count": grouped(run.missed)})
    return " ".join(filter(None, parts))


def _outcome(run: ScheduledExportRun) -> str:
    if run.problem:
        return problem_sentence(run.problem, run.detail)
    if run.status == Status.QUEUED:
        return _("It waits for a worker.")
    if run.status == Status.RUNNING:
        return _("It is being made.")
    if run.status != Status.SUCCEEDED:
        return ""
    if not run.place:
        return _("There were no rows, so nothing was sent.")
    words = {"place": run.place, "size": _size(run.size), "rows": _count(run.rows)}
    text = ngettext("%(rows)s row, %(size)s: %(place)s", "%(rows)s rows, %(size)s: %(place)s", run.rows or 0)
    return text % words


def problem_sentence(problem: str, detail: str) -> str:
    text = PROBLEMS.get(problem)
    return str(text) % {"detail": detail or DASH} if text else problem


def last_result(export: ScheduledExport) -> SafeString | str:
    """For the list: the badge of the last run that ended, with its time below (with_last_run)."""
    status = getattr(export, "last_status", None)
    if status is None:
        return DASH
    return stacked(status_badge(status), format_datetime(getattr(export, "last_finished_at", None)))


def failing_line(export: ScheduledExport) -> str:
    """For the home page and alerts (with_last_run)."""
    problem, detail = (getattr(export, f"last_{name}", None) or "" for name in ("problem", "detail"))
    why = problem_sentence(problem, detail) if problem else ""
    words = {"name": export.name, "time": format_datetime(export.failing_since)}
    return (_("“%(name)s” has not been sent since %(time)s.") % words + f" {why}").strip()


def _count(rows: int | None) -> str:
    return DASH if rows is None else grouped(rows)


def _size(size: int | None) -> str:
    """ "12 kB"."""
    if size is None:
        return DASH
    if size < 1000:
        return f"{size} B"
    return f"{grouped(size // 1000)} kB"
