"""`manage.py privacy_report`: which personal data is stored, who may read it, and who did."""

import json
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from integrations.management.base import OmsCommand
from monitoring.privacy import privacy_report


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
    """One line for each fact; what is a list, indented below its name."""
    for name, value in found.items():
        title = name.replace("_", " ").capitalize()
        if isinstance(value, list):
            yield f"{title}: {len(value) or 'none'}"
            yield from (f"  {_facts(row)}" for row in value)
        else:
            yield f"{title}: {_facts(value) if isinstance(value, dict) else value}"


def _facts(row: dict[str, Any]) -> str:
    return "; ".join(f"{name.replace('_', ' ')} {_shown(value)}" for name, value in row.items())


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{count} {name}" for name, count in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nobody"
    return "-" if value in (None, "") else str(value)
