"""`make dependencies`: writes docs/dependencies.md, the list of what OMS depends on.

Package, version and "why" come from requirements*.txt and the locks, licences from the packages' own metadata, dates
from the package index that pip is configured for.
"""

import io
import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor
from email import message_from_string
from email.message import Message
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, NamedTuple

from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "dependencies.md"
ACCEPT = "application/vnd.pypi.simple.v1+json"
SETS = {  # file: what its packages are for
    "requirements": "What OMS runs on",
    "requirements-mysql": "For MySQL and MariaDB",
    "requirements-postgresql": "For PostgreSQL",
    "requirements-s3": "For scheduled exports into an S3-compatible store",
    "requirements-dev": "What only developers need",
}
TABLE = (
    "| package | version | licence | released | last release | why |",
    "| --- | --- | --- | --- | --- | --- |",
)
HEAD = """# Dependencies

Written by `make dependencies`; do not edit. *Why* is the comment in `requirements*.txt`, or which package needs it.
*Released* is the day of the version that is used, *last release* the day of the newest one. The licences are as the
packages state them. OMS is distributed without its dependencies; whoever distributes an image with them in it follows
their licences.
"""


class Package(NamedTuple):
    name: str
    version: str
    why: str


def direct(name: str) -> dict[str, str]:
    """The packages that `name`.txt lists, lower case, with the comment of each."""
    lines = re.findall(
        r"^([\w.-]+)(?:\[[\w,]+\])?==\S+ +# (.+)$", (ROOT / f"{name}.txt").read_text(), re.MULTILINE
    )
    return {canonical(package): why for package, why in lines}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def packages(name: str) -> list[Package]:
    """What `name`.lock pins, direct dependencies first."""
    reasons = direct(name)
    elsewhere = direct("requirements-dev") | reasons
    found = []
    for entry in re.split(r"\n(?=\w)", (ROOT / f"{name}.lock").read_text()):
        pinned = re.match(r"([\w.-]+)==(\S+)", entry)
        if pinned:
            needed_by = re.findall(r"# via ([\w.-]+)$|#   ([\w.-]+)$", entry, re.MULTILINE)
            via = "for " + ", ".join(sorted(first or second for first, second in needed_by))
            package = canonical(pinned[1])
            why = reasons.get(package) or "; in development: ".join(
                filter(None, [via, elsewhere.get(package)])
            )
            found.append(Package(pinned[1], pinned[2], why))
    return sorted(found, key=lambda package: (canonical(package.name) not in reasons, package.name))


def index() -> str:
    """The address of the package index: pip's setting, or its default."""
    command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    configured = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    if configured:
        return configured.rstrip("/")
    from pip._internal.models.index import PyPI

    return str(PyPI.simple_url).rstrip("/")


def fetch(address: str, accept: str = "*/*") -> bytes:
    request = urllib.request.Request(address, headers={"Accept": accept})  # noqa: S310  the index of pip
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        content: bytes = answer.read()
    return content


def files(address: str, package: Package) -> list[dict[str, Any]]:
    """The index's files of the package, each with `version`, without those of pre-releases."""
    listed: list[dict[str, Any]] = []
    for file in json.loads(fetch(f"{address}/{canonical(package.name)}/", ACCEPT))["files"]:
        stem = re.sub(r"\.(tar\.gz|zip|tgz|tar\.bz2|egg|exe)$", "", file["filename"])
        text = (
            file["filename"].split("-")[1] if file["filename"].endswith(".whl") else stem.rpartition("-")[2]
        )
        try:
            version = Version(text)
        except InvalidVersion:
            continue
        if not version.is_prerelease:
            listed.append({**file, "version": version})
    return listed


def days(listed: list[dict[str, Any]], version: str) -> tuple[str, str]:
    """The day on which the first file of this version was published, and the latest such day of any version."""
    first: dict[Version, str] = {}
    for file in listed:
        day = file["upload-time"][:10]
        first[file["version"]] = min(day, first.get(file["version"], day))
    return first[Version(version)], max(first.values())


def licence(package: Package, listed: list[dict[str, Any]]) -> str:
    """As the package states it: the expression, the classifiers, the first line of the field, or "not stated"."""
    stated = _metadata(package, listed)
    if expression := stated.get("License-Expression"):
        return expression
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in stated.get_all("Classifier") or []
        if line.startswith("License :: ") and line != "License :: OSI Approved"
    ]
    first_line = (stated.get("License") or "").strip().partition("\n")[0]
    return " or ".join(classifiers) or first_line[:60] or "not stated"


def _metadata(package: Package, listed: list[dict[str, Any]]) -> Message:
    """Of the installed package, or out of a wheel where it is for other systems than this one."""
    try:
        return message_from_string(distribution(package.name).read_text("METADATA") or "")
    except PackageNotFoundError:
        wheel = next(
            file
            for file in listed
            if file["version"] == Version(package.version) and file["filename"].endswith(".whl")
        )
    with zipfile.ZipFile(io.BytesIO(fetch(wheel["url"]))) as archive:
        path = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_string(archive.read(path).decode())


def row(package: Package, address: str) -> str:
    listed = files(address, package)
    released, last = days(listed, package.version)
    cells = (package.name, package.version, licence(package, listed), released, last, package.why)
    return f"| {' | '.join(cells)} |"


def main() -> int:
    address = index()
    sections = []
    seen: set[str] = set()
    try:
        for name, title in SETS.items():
            if not (ROOT / f"{name}.lock").exists():
                continue
            new = [package for package in packages(name) if package.name not in seen]
            seen.update(package.name for package in new)
            with ThreadPoolExecutor(8) as pool:
                rows = list(pool.map(lambda package: row(package, address), new))
            sections.append("\n".join([f"## {title}", "", f"`{name}.lock`", "", *TABLE, *rows]))
    except (urllib.error.URLError, TimeoutError) as error:
        sys.stderr.write(
            f"The package index did not answer ({error}); docs/dependencies.md stays as it is.\n"
        )
        return 1
    PAGE.write_text("\n".join([HEAD, *(f"{section}\n" for section in sections)]).rstrip() + "\n")
    sys.stdout.write(f"docs/dependencies.md: {len(seen)} packages.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
