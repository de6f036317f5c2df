import json
import sys
from argparse import ArgumentTypeError
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from audit.origin import origin
from core.spreadsheets import BadTable, Table, read_table
from integrations.as_json import import_as_json
from integrations.errors import BadInput
from integrations.management.base import NOT_ALL_GOOD, OmsCommand, platform_named, wrong_usage
from integrations.shipping.importing.columns import FIELDS, Columns, columns_of, remember_columns
from integrations.shipping.importing.run import ImportResult, RowVerdict, import_shipments, refused_rows
from integrations.wording import bad_table_line

SHOWN = 20  # rows that were refused


def _pair(text: str) -> tuple[str, str]:
    name, equals, heading = text.partition("=")
    if not equals or name not in FIELDS:
        raise ArgumentTypeError(f"{text!r}: write FIELD=HEADING, with FIELD one of {', '.join(FIELDS)}")
    return name, heading


class Command(OmsCommand):
    help = (
        "Ship what a file says: CSV, XLSX, XLS or ODS, as a carrier or a shop system exports it.\n\n"
        "Each row names an order and a tracking number, and may name the carrier, the time, and units of SKUs;\n"
        "without these, all that is left of the order is in the package. Each package is judged by itself, and\n"
        "queued for the worker, which tells the platform. Importing the same file twice is harmless."
    )
    examples = (
        "examples:\n"
        "  manage.py import_shipments dhl.csv --platform amazon --dry-run     what would become of each row\n"
        "  manage.py import_shipments dhl.csv --platform amazon --carrier DHL\n"
        '  manage.py import_shipments ups.xlsx --platform amazon --column "order_id=Reference 1"\n'
        "  manage.py import_shipments dhl.csv --platform amazon --refused refused.csv\n\n"
        "exit status:\n"
        "  0  each row is shipped, or was before\n"
        "  2  wrong usage, or a file that cannot be read; nothing was changed\n"
        "  3  some rows were refused; they are listed\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="the file; - for standard input")
        parser.add_argument(
            "--platform", required=True, metavar="P", help="name of the platform, e.g. amazon"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        parser.add_argument(
            "--column",
            action="append",
            default=[],
            type=_pair,
            metavar="FIELD=HEADING",
            help="which column says what, where the headings do not tell; remembered for the next file",
        )
        parser.add_argument("--carrier", metavar="CODE", help="of all rows that do not name one")
        parser.add_argument("--carrier-name", metavar="NAME", help="the carrier's name, with --carrier Other")
        parser.add_argument(
            "--service", metavar="NAME", help="the shipping service, where rows do not name one"
        )
        parser.add_argument("--zone", metavar="ZONE", help="of times in the file, like Europe/Berlin")
        parser.add_argument("--dates", choices=("dmy", "mdy"), help="how to read 03/04/2026")
        parser.add_argument(
            "--refused", metavar="FILE", help="write the rows that were refused into this file"
        )
        parser.add_argument(
            "--json", action="store_true", help="one JSON object on stdout, as the API has it"
        )

    def run(self, options: dict[str, Any], /) -> None:
        platform = platform_named(options["platform"])
        table = _table(options["file"])
        if options["refused"]:
            _check_writable(options["refused"])
        columns = _columns(columns_of(platform, table), options)
        who, is_preview = origin().actor, options["dry_run"]
        try:
            result = import_shipments(platform, table, columns, who=who, is_preview=is_preview)
        except BadInput as error:
            wrong_usage(
                f"{error} Nothing was changed. Say it with --column FIELD=HEADING, --zone or --dates."
            )
        if not is_preview:
            remember_columns(platform, table, columns, who=who)
        if options["refused"]:
            Path(options["refused"]).write_text(refused_rows(table, result), encoding="utf-8-sig")
        if options["json"]:
            self.result(json.dumps(import_as_json(platform, result)))
        else:
            self._print(result)
        if result.count(RowVerdict.REFUSED):
            sys.exit(NOT_ALL_GOOD)

    def _print(self, result: ImportResult) -> None:
        refused = result.count(RowVerdict.REFUSED)
        done = "would be shipped" if result.is_preview else "shipped"
        self.report(
            f"{len(result.rows)} rows: {result.count(RowVerdict.GOOD)} {done} in {result.shipments} packages, "
            f"{result.count(RowVerdict.KNOWN)} known already, {refused} refused.",
            good=not refused,
        )
        bad = [row for row in result.rows if row.verdict == RowVerdict.REFUSED]
        for row in bad[:SHOWN]:
            self.report(f"  row {row.number}, order {row.order_id}: {row.message}", good=False)
        if len(bad) > SHOWN:
            self.report(f"  … and {len(bad) - SHOWN} more; --refused FILE writes all of them.", good=False)


def _table(name: str) -> Table:
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return read_table(data)
    except OSError as error:
        wrong_usage(f"FILE: {name}: {error.strerror}. Nothing was changed.")
    except BadTable as error:
        wrong_usage(f"FILE: {name}: {bad_table_line(error)} Nothing was changed.")


def _check_writable(name: str) -> None:
    """Before anything is shipped: afterwards, the refused rows would be lost."""
    try:
        Path(name).open("a").close()
    except OSError as error:
        wrong_usage(f"--refused: {name}: {error.strerror}. Nothing was changed.")


def _columns(columns: Columns, options: dict[str, Any]) -> Columns:
    """As said on the command line, where it says it; a heading that is given to another field is that one's."""
    said = dict(options["column"])
    headings = {name: heading for name, heading in columns.headings.items() if heading not in said.values()}
    names = {"carrier": "carrier", "carrier_name": "carrier_name", "service": "service", "zone": "zone"}
    names |= {"dates": "date_order"}
    given = {field: options[name] for name, field in names.items() if options[name] is not None}
    return replace(columns, headings=headings | said, **given)
