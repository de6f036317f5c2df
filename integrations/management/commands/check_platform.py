import json
import sys
import textwrap
from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.management.base import CommandParser

from integrations.as_json import check_as_json
from integrations.management.base import FAILED, OmsCommand, platform_named
from integrations.protocol import Finding
from integrations.registry import channel_label
from integrations.sync.connection_check import check_platform, is_fine

MARK = len("not checked")
WIDTH = 100  # of a line of output


class Command(OmsCommand):
    help = (
        "Check the connection to a platform: credentials, marketplaces, orders, each data set, stock.\n\n"
        "Says what works, what is missing, how to get it, and what OMS does without. Makes few calls, keeps to the\n"
        "quota, and changes no order and no stock."
    )
    examples = (
        "examples:\n"
        "  manage.py check_platform amazon\n"
        "  manage.py check_platform amazon --json | jq .findings\n\n"
        "exit status:\n"
        "  0  no problem found; what the quota did not allow to check is none\n"
        "  1  something does not work\n"
        "  2  there is no such platform\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("platform", metavar="PLATFORM", help="name of the platform, e.g. amazon")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def run(self, options: dict[str, Any], /) -> None:
        platform = platform_named(options["platform"])
        findings = check_platform(platform)
        if options["json"]:
            self.result(json.dumps(check_as_json(platform, findings)))
        else:
            self._print(findings, channel_label(platform.kind))
        if not is_fine(findings):
            sys.exit(FAILED)

    def _print(self, findings: list[Finding], channel: str) -> None:
        """One paragraph each, what it is about in front, and what it comes to at the end."""
        write = partial(self.report, good=is_fine(findings))
        margin = " " * (MARK + 1)
        for finding in findings:
            paint, mark = self._mark(finding)
            step = f"{finding.step}: "
            lines = textwrap.wrap(
                step + finding.message, max(WIDTH - len(margin), 40), break_on_hyphens=False
            )
            if finding.request_id and finding.ok is not True:
                lines.append(f"{channel}'s request id: {finding.request_id}")
            write(f"{paint(f'{mark:{MARK}}')} " + f"\n{margin}".join(lines))
        problems = [finding.step for finding in findings if finding.ok is False]
        unknown = [finding.step for finding in findings if finding.ok is None]
        write("")
        if problems:
            write(self.style.ERROR(f"To be put right: {', '.join(problems)}."))
        if unknown:
            write(f"Not checked: {', '.join(unknown)}.")
        if not problems:
            write(self.style.SUCCESS("Everything that was checked works."))

    def _mark(self, finding: Finding) -> tuple[Callable[[str], str], str]:
        if finding.ok is None:
            return self.style.WARNING, "not checked"
        if not finding.ok:
            return self.style.ERROR, "PROBLEM"
        return self.style.SUCCESS, "works, but" if finding.code else "works"
