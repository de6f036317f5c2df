"""Results, and how they are shown."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rich.console import Console
from rich.table import Table

PACKAGES = ("Django", "orjson", "mysqlclient", "psycopg", "httpx")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One comparison on one database. `values` has a figure for each round; `target` is None for information."""

    name: str
    database: str
    values: tuple[float, ...]
    unit: str
    note: str = ""
    target: float | None = None
    at_most: bool = False  # whether the target is an upper bound

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        return self.median <= self.target if self.at_most else self.median >= self.target

    def as_json(self) -> dict[str, Any]:
        extremes = {"median": self.median, "min": min(self.values), "max": max(self.values)}
        return asdict(self) | extremes | {"met": self.met}


def machine() -> dict[str, str]:
    """What the figures depend on, besides the code."""
    facts = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        "Python": platform.python_version(),
    }
    for package in PACKAGES:
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            continue
    return facts


def show(results: Sequence[Result], facts: dict[str, str], skipped: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        document = {
            "results": [result.as_json() for result in results],
            "environment": facts,
            "skipped": list(skipped),
        }
        print(json.dumps(document, indent=2))
        return
    console = Console()
    if not console.is_terminal:
        console.width = 132
    table = Table(title="Medians of ratios taken round by round, side by side in one run")
    for heading in ("database", "what", "median", "min … max", "target", "met"):
        table.add_column(heading, justify="right" if heading in ("median", "min … max", "target") else "left")
    for result in results:
        table.add_row(*_cells(result), style="bold red" if result.met is False else "")
    console.print(table)
    console.print(" · ".join(f"{name} {value}" for name, value in facts.items()), style="dim")
    for reason in skipped:
        console.print(f"Skipped: {reason}", style="yellow")


def _cells(result: Result) -> tuple[str, ...]:
    what = f"{result.name}\n[dim]{result.note}[/dim]" if result.note else result.name
    target = (
        "" if result.target is None else f"{'≤' if result.at_most else '≥'} {result.target:g}{result.unit}"
    )
    spread = (
        f"{_number(min(result.values))} … {_number(max(result.values))}" if len(result.values) > 1 else ""
    )
    met = {None: "", True: "yes", False: "NO"}[result.met]
    return result.database, what, f"{_number(result.median)}{result.unit}", spread, target, met


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
