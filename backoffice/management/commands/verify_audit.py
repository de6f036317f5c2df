"""`manage.py verify_audit`: whether every entry of the audit is as it was written, and none is missing."""

import json
from typing import Any

from django.core.management.base import CommandParser

from audit import chain
from integrations.management.base import FAILED, OmsCommand, wrong_usage


class Command(OmsCommand):
    help = (
        "Verify that no entry of the audit was changed or taken away.\n\n"
        "Each entry holds a digest of itself and of the one before. Note the line that this prints, away from the\n"
        "database: with --holds it shows later that the entries up to there are still the same, also against\n"
        "somebody who made a new chain of all of them."
    )
    examples = (
        "examples:\n"
        "  manage.py verify_audit\n"
        "  manage.py verify_audit --holds 1204:9f86d081…   what an earlier run printed\n"
        "  manage.py verify_audit --json\n\n"
        "exit status:\n"
        "  0  it holds\n"
        "  1  it does not; the sentence says where\n"
        "  2  --holds is not understood\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--holds", metavar="NUMBER:DIGEST", help="the last entry, as it was printed earlier"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def run(self, options: dict[str, Any], /) -> None:
        noted = _noted(options["holds"])
        verdict = chain.verify()
        why = verdict.broken.why if verdict.broken else ""
        if not why and noted and not chain.holds(*noted):
            why = f"Entry {noted[0]} is not the one that was noted: it was replaced, or deleted."
        count = verdict.last - verdict.first + 1 if verdict.first else 0
        if options["json"]:
            found = {
                "holds": not why,
                "problem": why,
                "entries": count,
                "last": verdict.last,
                "digest": verdict.digest,
            }
            self.result(json.dumps(found))
        elif not why:
            self.stdout.write(
                f"The audit holds: {count} entries are as they were written, and none is missing."
            )
            self.stdout.write(f"Note this: {verdict.last}:{verdict.digest or '-'}")
        if why:
            self.warn(f"The audit does not hold. {why} Compare with a back-up.")
            raise SystemExit(FAILED)


def _noted(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    number, _colon, digest = text.partition(":")
    if not number.isdecimal() or len(digest) != 64:
        wrong_usage("--holds takes the number and the digest as verify_audit printed them: NUMBER:DIGEST.")
    return int(number), digest
