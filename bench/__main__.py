"""`python -m bench`: measures, prints a table, and ends with status 1 where a target was missed."""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import database, report
from bench.report import Result

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run: less data, fewer rounds")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    parser.add_argument("--only", choices=tuple(PARTS), help="one part of it")
    options = parser.parse_args()
    results: list[Result] = []
    with (
        tempfile.TemporaryDirectory(prefix="oms-bench-") as directory,
        database.urls(Path(directory)) as (urls, skipped),
    ):
        for name, url in urls.items():
            for part in PARTS:
                if options.only in (None, part):
                    print(f"Measuring {part} on {name} …", file=sys.stderr)
                    results += PARTS[part](name, url, options.quick)
    report.show(results, report.machine(), skipped, as_json=options.json)
    return 1 if any(result.met is False for result in results) else 0


def _storing(name: str, url: str, quick: bool) -> list[Result]:
    size = ("--pages", "10", "--rounds", "3") if quick else ("--pages", "10", "--rounds", "7")
    return _results(_run(url, "storing", "--name", name, *size))


def _calls(name: str, url: str, quick: bool) -> list[Result]:
    return _results(_run(url, "calls", "--name", name, "--orders", "1000", "--rounds", "2" if quick else "5"))


def _memory(name: str, url: str, quick: bool) -> list[Result]:
    return [_tenfold(name, url, "memory", "a sync", 1000 if quick else 5000)]


def _tenfold(name: str, url: str, what: str, of: str, orders: int) -> Result:
    """The peak memory with ten times as many orders."""
    small, large = (float(_run(url, what, "--orders", str(count))) for count in (orders, 10 * orders))
    return Result(
        name=f"peak memory of {of} of {10 * orders:,} orders, to {orders:,}",
        database=name,
        values=(large / small,),
        unit="×",
        note=f"{large:.1f} MiB to {small:.1f}",
        target=1.2,
        at_most=True,
    )


def _export(name: str, url: str, quick: bool) -> list[Result]:
    orders, rounds, few = (1000, 3, 1000) if quick else (3000, 3, 2000)
    size = ("--orders", str(orders), "--skus", "1000", "--rounds", str(rounds))
    rates = _results(_run(url, "export", "--name", name, *size))
    return [*rates, _tenfold(name, url, "export-memory", "an export", few)]


def _quota(name: str, url: str, quick: bool) -> list[Result]:
    return _results(_run(url, "quota", "--name", name, "--orders", "3000" if quick else "10000"))


def _shipping(name: str, url: str, quick: bool) -> list[Result]:
    return _results(_run(url, "shipping", "--name", name, "--orders", "200" if quick else "1000"))


def _history(name: str, url: str, quick: bool) -> list[Result]:
    orders, rounds = (5000, 2) if quick else (20_000, 3)
    size = ("--orders", str(orders), "--rounds", str(rounds))
    rates = _results(_run(url, "backfill", "--name", name, *size))
    rates.append(_tenfold(name, url, "backfill-memory", "a backfill", orders // 5))
    if name != "SQLite":  # the others are Amazon's time, and the same on each database
        return rates
    return rates + _results(_run(url, "history", "--name", name, "--orders", "100000" if quick else "500000"))


def _keeping_up(name: str, url: str, quick: bool) -> list[Result]:
    orders = 10_000 if quick else 100_000
    results = _results(_run(url, "reading-again", "--name", name, "--orders", str(orders), "--rounds", "3"))
    if name != "SQLite":  # the rest is Amazon's time, and the same on each database
        return results
    memory = _tenfold(name, url, "reading-again-memory", "a list by order date read again", orders // 10)
    results += _results(_run(url, "keeping-up", "--name", name, "--hours", "2" if quick else "6"))
    return [*results, memory]


def _audit(name: str, url: str, quick: bool) -> list[Result]:
    orders, rounds = (10_000, 2) if quick else (50_000, 3)
    results = _results(_run(url, "audit", "--name", name, "--orders", str(orders), "--rounds", str(rounds)))
    return [*results, _tenfold(name, url, "audit-memory", "an audit", orders // 10)]


def _admin(name: str, url: str, quick: bool) -> list[Result]:
    size = (20_000, 2_000, 20) if quick else (1_000_000, 100_000, 20)
    orders, skus, rounds = map(str, size)
    return _results(
        _run(url, "admin", "--name", name, "--orders", orders, "--skus", skus, "--rounds", rounds)
    )


def _lists(name: str, url: str, quick: bool) -> list[Result]:
    orders, skus, rounds = map(str, (20_000, 2_000, 10) if quick else (300_000, 30_000, 20))
    return _results(
        _run(url, "lists", "--name", name, "--orders", orders, "--skus", skus, "--rounds", rounds)
    )


def _reading(name: str, url: str, quick: bool) -> list[Result]:
    if name != "SQLite":  # it touches no database
        return []
    orders, rounds = ("10000", "3") if quick else ("50000", "5")
    return _results(_run(url, "reading", "--orders", orders, "--rounds", rounds))


PARTS = {
    "storing": _storing,
    "memory": _memory,
    "calls": _calls,
    "quota": _quota,
    "history": _history,
    "keeping-up": _keeping_up,
    "shipping": _shipping,
    "audit": _audit,
    "export": _export,
    "admin": _admin,
    "lists": _lists,
    "reading": _reading,
}


def _run(url: str, *arguments: str) -> Any:
    """The output of a measurement. Raises CalledProcessError; its error is on stderr then."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.measure", *arguments],
        env=database.environment(url),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def _results(values: Any) -> list[Result]:
    return [Result(**{**value, "values": tuple(value["values"])}) for value in values]


if __name__ == "__main__":
    sys.exit(main())
