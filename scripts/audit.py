"""`make audit`: are there known vulnerabilities in the locked packages? `python -m scripts.audit [options of
pip-audit]`

Exit status: 0 none is known; 1 some are, and are listed; 2 no database of vulnerabilities could be asked.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOUND, NOT_ASKED = 1, 2


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def asked(lock: Path, more: list[str]) -> tuple[list[dict[str, Any]], str]:
    """The result of pip-audit for each package in `lock`, and its error text where it could not ask."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--requirement",
        str(lock),
        "--require-hashes",
        "--disable-pip",
    ]
    options = ["--format", "json", "--progress-spinner", "off"]
    answer = subprocess.run([*command, *options, *more], capture_output=True, text=True, check=False)
    try:
        return json.loads(answer.stdout)["dependencies"], ""
    except (ValueError, KeyError):
        lines = answer.stderr.strip().splitlines()
        return [], lines[-1] if lines else "pip-audit gave no answer"


def report(lock: Path, more: list[str]) -> int:
    """Prints a sentence about `lock` and a line for each vulnerability. Returns the exit status."""
    packages, complaint = asked(lock, more)
    audited = [package for package in packages if "vulns" in package]
    if not audited:
        reason = complaint or "it knows none of the packages"
        say(f"{lock.name}: nothing was audited. The database of vulnerabilities did not answer: {reason}")
        return NOT_ASKED
    affected = [(package, vulnerability) for package in audited for vulnerability in package["vulns"]]
    say(f"{lock.name}: {len(audited)} packages audited; known vulnerabilities: {len(affected)}.")
    for package, vulnerability in affected:
        fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
        names = " ".join([vulnerability["id"], *vulnerability.get("aliases", ())])
        say(f"  {package['name']} {package['version']}: {names}; fixed in {fixed}")
    skipped = [package["name"] for package in packages if "vulns" not in package]
    if skipped:
        say(f"  Not audited, because the database does not know them: {', '.join(skipped)}")
        return FOUND if affected else NOT_ASKED
    return FOUND if affected else 0


def main() -> int:
    statuses = {report(lock, sys.argv[1:]) for lock in sorted(ROOT.glob("requirements*.lock"))}
    if FOUND in statuses:
        return FOUND
    return max(statuses)


if __name__ == "__main__":
    sys.exit(main())
