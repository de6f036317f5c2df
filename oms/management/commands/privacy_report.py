"""`manage.py privacy_report`: which personal data is stored, who may read it, and who did."""

import json
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from integrations.management.base import OmsCommand
from monitoring.privacy import privacy_report

DOORS = {
    "admin": "in the admin",
    "api": "over the API",
    "command": "at the command line",
    "service": "by OMS",
}
WHY = {"due": "in time", "cancelled": "with the cancelled order", "erased": "on request"}


class Command(OmsCommand):
    help = (
        "Print which personal data of buyers is stored and how old it is, how old the key is, who may read the data,\n"
        "who did, and what a legal hold keeps. It reads the database and the audit, changes nothing, and prints\n"
        "neither personal data of buyers nor a secret."
    )
    examples = (
        "examples:\n"
        "  manage.py privacy_report\n"
        "  manage.py privacy_report --json > privacy-2026-11.json\n\n"
        "exit status:\n  0  printed\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def run(self, options: dict[str, Any], /) -> None:
        found = privacy_report()
        self.result(json.dumps(found) if options["json"] else "\n".join(_lines(found)))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    """A heading for each question, its answers indented below it."""
    yield f"Buyer data in this OMS, {_time(found['at'])}"
    for title, lines in (
        ("What is stored", _stored(found)),
        ("The keys", _keys(found["keys"])),
        ("Who may read and erase it", _allowed(found)),
        ("Who did, as far as the audit goes back", _deeds(found)),
        ("Legal holds", _holds(found["holds"])),
    ):
        yield f"\n{title}"
        yield from (f"  {line}" for line in lines)


def _stored(found: dict[str, Any]) -> Iterator[str]:
    about, orders = found["buyer_data"], found["orders"]
    yield f"Buyer data is stored of {_count(about['orders'], 'order')}."
    if about["overdue"]:
        late = _count(about["overdue"], "order")
        yield f"PAST ITS DAY: that of {late}. A legal hold keeps it, or nothing deletes it."
    if about["unreadable"]:
        yield f"No key decrypts that of {_count(about['unreadable'], 'order')}, so no address finds it."
    ended = [
        f"{_count(count, 'order')} {WHY.get(why, why)}" for why, count in about["deleted_for_good"].items()
    ]
    yield f"Deleted for good so far: {', '.join(ended) or 'nothing'}."
    for row in found["platforms"]:
        wants = "stores buyer data" if row["stores_buyer_data"] else "stores no buyer data"
        line = f"{row['platform']} {wants}; it is there of {_count(row['orders_with_buyer_data'], 'order')}"
        if row["orders_with_buyer_data"]:
            line += (
                f", the first bought {_day(row['oldest_purchase'])}; deleted next: {_time(row['next_purge'])}"
            )
        yield f"{line}."
    kept = (
        f"for {orders['kept_months']} months"
        if orders["kept_months"]
        else "for good (KEEP_ORDERS_MONTHS is not set)"
    )
    yield f"The oldest order was bought {_day(orders['oldest_purchase'])}; orders are kept {kept}."


def _keys(keys: dict[str, Any]) -> Iterator[str]:
    yield f"{_count(keys['configured'], 'key')} configured."
    if since := keys["first_in_use_since"]:
        yield f"The first one has been in use since {_day(since)} at the latest."
    else:
        yield "Nothing that was looked at is encrypted with the first one."
    renewed = keys["last_reencrypted"]
    yield f"manage.py reencrypt ran last: {_time(renewed) if renewed else 'never, as far as the audit goes back'}."


def _allowed(found: dict[str, Any]) -> Iterator[str]:
    for verb in ("read", "erase"):
        may = found[f"may_{verb}"]
        groups = f"; groups: {', '.join(may['groups'])}" if may["groups"] else ""
        yield f"{verb}: {', '.join(may['users']) or 'nobody'}{groups}"
    for token in found["tokens"]:
        until = f"until {_day(token['expires'])}" if token["expires"] else "without an end"
        used = f"last used {_time(token['last_used'])}" if token["last_used"] else "never used"
        yield f"by the API token {token['name']!r} of {token['user']}, {until}, {used}"


def _deeds(found: dict[str, Any]) -> Iterator[str]:
    for verb, rows in (("read", found["readings"]), ("erased", found["erasures"])):
        for row in rows:
            who = row["actor"] or "somebody"
            times = _count(row["count"], "time")
            yield f"{who} {verb} it {times} {DOORS.get(row['door'], row['door'])}, last {_time(row['last'])}"
        if not rows:
            yield f"Nobody {verb} any."


def _holds(holds: list[dict[str, Any]]) -> Iterator[str]:
    for hold in holds:
        what = f"order {hold['order']}" if hold["order"] else "all orders"
        made = f"made by {hold['made_by'] or 'somebody'}, {_day(hold['made_at'])}"
        yield f"{hold['platform']}, {what}, until {_time(hold['until'])}: {hold['reason']} ({made})"
    if not holds:
        yield "None is in force."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _day(moment: str | None) -> str:
    return moment[:10] if moment else "never"


def _time(moment: str | None) -> str:
    """Of ISO 8601 in UTC, to the minute."""
    return f"{moment[:16].replace('T', ' ')} UTC" if moment else "never"
