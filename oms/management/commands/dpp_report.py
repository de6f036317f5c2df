"""`manage.py dpp_report`: evidence for the Data Protection Policy, control by control."""

import json
from typing import Any

from django.core.management.base import CommandParser

from integrations.management.base import NOT_ALL_GOOD, OmsCommand
from monitoring.dpp.report import as_json, as_markdown, look
from oms import __version__


class Command(OmsCommand):
    help = (
        "Print what the Data Protection Policy asks of a private developer, what OMS has for it, how this\n"
        "installation stands, and which test shows it. Evidence for those who judge, no judgement itself.\n\n"
        "Red is what falls short here, with what to do. Nothing is changed; no secret and nobody's data is printed."
    )
    examples = (
        "examples:\n"
        "  manage.py dpp_report > dpp-2026-11.md\n"
        "  manage.py dpp_report --json\n\n"
        "exit status:\n"
        "  0  nothing falls short\n"
        "  3  something falls short\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def run(self, options: dict[str, Any], /) -> None:
        lines = look()
        if options["json"]:
            self.result(json.dumps(as_json(lines, __version__)))
        else:
            self.result(as_markdown(lines, __version__))
        if any(line.is_red for line in lines):
            raise SystemExit(NOT_ALL_GOOD)
