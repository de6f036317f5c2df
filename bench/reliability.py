"""`python -m bench.reliability`: runs the fault suite and the property test, and says what they tried and compared.

On SQLite, and on a MariaDB or MySQL where one answers; the tests make databases of their own. Prints Markdown, as it
stands in docs/reliability.md; ends with status 1 where a test failed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import database, report

ROOT = Path(__file__).resolve().parent.parent
SUITES = {
    "fault suite": "tests/test_faults_end_to_end.py",
    "property test": "tests/test_property.py",
}
OWN_EVENTS = {
    "Dies": "the worker dies at a query, as of kill -9",
    "Refuses": "the database refuses queries (deadlock)",
    "Stops": "SIGTERM while pages are read",
    "Cancelled": "a person cancels while pages are read",
    "Outrun": "the worker hangs, another one takes its run",
}


@dataclass(frozen=True, slots=True)
class Run:
    """One suite on one database. `counts` is what the tests wrote down; `passed` is pytest's word."""

    suite: str
    database: str
    seconds: float
    passed: bool
    counts: dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.reliability", description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=0, help="let the property test run so long (0: bounded)"
    )
    parser.add_argument("--seed", type=int, default=1, help="where a long property test begins")
    parser.add_argument("--only", choices=("sqlite", "server"), help="on one of the two databases")
    options = parser.parse_args()
    runs: list[Run] = []
    with (
        tempfile.TemporaryDirectory(prefix="oms-reliability-") as directory,
        database.urls(Path(directory)) as (urls, skipped),
    ):
        for name, url in urls.items():
            if options.only not in (None, "sqlite" if name == "SQLite" else "server"):
                continue
            for suite, path in SUITES.items():
                print(f"Running the {suite} on {name} …", file=sys.stderr)
                runs.append(_run(suite, path, name, url, Path(directory), options))
    print("\n".join([*_table(runs), "", *_faults(runs), _machine(), *skipped]))
    return 0 if all(run.passed for run in runs) else 1


def _run(suite: str, path: str, name: str, url: str, directory: Path, options: argparse.Namespace) -> Run:
    counts = directory / "counts.json"
    counts.write_text("{}")
    # SQLite in memory, as in `make test`, and not in the file of the benchmarks.
    own = {"DATABASE_URL": "" if name == "SQLite" else url, "REDIS_URL": "", "OMS_COUNTS": str(counts)}
    if options.minutes:
        own |= {"SOAK_MINUTES": str(options.minutes), "SOAK_SEED": str(options.seed)}
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--show-capture=no", path],
        cwd=ROOT,
        env=os.environ | own,
        stdout=sys.stderr,
        check=False,
    )
    seconds = time.monotonic() - start
    return Run(suite, name, seconds, done.returncode == 0, json.loads(counts.read_text()))


def _table(runs: Sequence[Run]) -> Iterator[str]:
    headings = (
        *("", "database", "tests", "failed", "syncs run", "comparisons", "orders compared"),
        *("items compared", "stock rows compared", "differences", "seconds"),
    )
    yield _row(headings)
    yield _row(["---"] * 2 + ["---:"] * (len(headings) - 2))
    for run in runs:
        told = run.counts
        figures = [told.get(name, 0) for name in ("tests", "failed")]
        figures.append(sum(told.get("runs", {}).values()))
        figures += [told.get(name, 0) for name in ("comparisons", "orders", "items", "stock", "differences")]
        yield _row([run.suite, run.database, *(f"{figure:,}" for figure in figures), f"{run.seconds:.0f}"])


def _faults(runs: Sequence[Run]) -> Iterator[str]:
    """How often each thing happened, and how the syncs ended; one column for each run."""
    columns = [f"{run.suite}, {run.database}" for run in runs]
    kinds: dict[str, dict[str, str]] = {"faults": {}, "events": OWN_EVENTS, "runs": {}}
    titles = {"faults": "what Amazon or the network did", "events": "what happened on our side"}
    for kind, words in kinds.items():
        counters = [Counter(run.counts.get(kind, {})) for run in runs]
        yield _row([titles.get(kind, "how the syncs ended"), *columns])
        yield _row(["---", *("---:" for _ in columns)])
        for name in sorted(
            name for name in set().union(*counters) if any(counter[name] for counter in counters)
        ):
            yield _row([words.get(name, name), *(f"{counter[name]:,}" for counter in counters)])
        yield ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _machine() -> str:
    return " · ".join(f"{name} {value}" for name, value in report.machine().items())


if __name__ == "__main__":
    sys.exit(main())
