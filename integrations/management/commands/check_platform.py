import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from integrations.checking import check_platform, is_fine
from integrations.management.base import FAILED, OmsCommand, platform_named


class Command(OmsCommand):
    help = (
        "Check the connection to a platform: credentials, token, each operation and each data set that OMS uses.\n\n"
        "Says what works, what is missing and how to get it. Makes few calls and changes no order and no stock."
    )
    examples = (
        "examples:\n"
        "  manage.py check_platform amazon\n"
        "  manage.py check_platform amazon --json | jq .findings\n\n"
        "exit status:\n  0  everything works\n  1  something does not\n  2  there is no such platform\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("platform", metavar="PLATFORM", help="name of the platform, e.g. amazon")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def run(self, options: dict[str, Any], /) -> None:
        platform = platform_named(options["platform"])
        findings = check_platform(platform)
        if options["json"]:
            found = [asdict(each) for each in findings]
            self.stdout.write(
                json.dumps({"platform": platform.name, "ok": is_fine(findings), "findings": found})
            )
        else:
            for each in findings:
                mark = self.style.SUCCESS("works  ") if each.ok else self.style.ERROR("PROBLEM")
                self.stdout.write(f"{mark} {each.step}: {each.message}")
                if each.request_id:
                    self.stdout.write(f"        Amazon's request id: {each.request_id}")
        if not is_fine(findings):
            sys.exit(FAILED)
