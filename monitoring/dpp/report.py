"""The report: all controls with what was found, as plain data and as Markdown."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from monitoring.dpp.control import Control, Finding, State
from monitoring.dpp.controls import CONTROLS

# Settings whose value is a secret, or may hold one: only whether they are set is written down.
SECRET = ("FIELD_ENCRYPTION_KEY", "EMAIL_URL", "REDIS_URL", "DATABASE_URL", "METRICS_TOKEN")
MARKS = {State.OK: "🟢", State.SHORT: "🔴", State.OUTSIDE: "⚪"}
WORDS = {
    State.OK: "ok",
    State.SHORT: "falls short",
    State.OUTSIDE: "outside of OMS",
}
ABOUT = (
    "What Amazon's Data Protection Policy asks of a private developer, what OMS has for it, and how this installation "
    "stands now. This is evidence for those who judge; it is no judgement itself. The words of the policy are ours, "
    "from what was published about it until November 2026: read the policy in force beside it."
)


@dataclass(frozen=True, slots=True)
class Line:
    control: Control
    finding: Finding

    @property
    def is_red(self) -> bool:
        return self.finding.state is State.SHORT


def look() -> list[Line]:
    """Every control, in their order. What cannot be looked at falls short, and says so."""
    return [Line(control, _find(control)) for control in CONTROLS]


def _find(control: Control) -> Finding:
    try:
        return control.look()
    except DatabaseError as error:
        kind = type(error).__name__
        return Finding(
            State.SHORT, f"It could not be looked at ({kind}).", "Look at the database, and run this again."
        )


def as_json(lines: list[Line], version: str) -> dict[str, Any]:
    return {
        "about": ABOUT,
        "at": timezone.now().isoformat(timespec="seconds"),
        "version": version,
        "counts": {state.value: sum(line.finding.state == state for line in lines) for state in State},
        "controls": [
            {
                "key": line.control.key,
                "topic": line.control.topic,
                "asks": line.control.asks,
                "has": line.control.has,
                "settings": {name: shown(name) for name in line.control.settings},
                "state": line.finding.state.value,
                "found": line.finding.says,
                "to_do": line.finding.to_do,
                "tests": list(line.control.tests),
            }
            for line in lines
        ],
    }


def as_markdown(lines: list[Line], version: str) -> str:
    red = [line for line in lines if line.is_red]
    parts = [
        "# Evidence for the Data Protection Policy",
        f"OMS {version}, {timezone.now():%Y-%m-%d %H:%M} UTC. {ABOUT}",
        ", ".join(
            f"{MARKS[state]} {WORDS[state]}: {sum(line.finding.state == state for line in lines)}"
            for state in State
        )
        + ".",
    ]
    if red:
        to_do = [f"- **{line.control.topic}** ({line.control.key}): {line.finding.to_do}" for line in red]
        parts += ["## To do here", "\n".join(to_do)]
    for line in lines:
        parts.append(_section(line))
    return "\n\n".join(parts) + "\n"


def _section(line: Line) -> str:
    control, finding = line.control, line.finding
    rows = [f"- State: {MARKS[finding.state]} **{WORDS[finding.state]}**. {finding.says}"]
    if finding.to_do:
        rows.append(f"- To do: {finding.to_do}")
    rows += [f"- Asked for: {control.asks}", f"- In OMS: {control.has}"]
    if control.settings:
        rows.append("- Settings: " + ", ".join(f"`{name}` = {shown(name)}" for name in control.settings))
    if control.tests:
        rows.append("- Shown by: " + ", ".join(f"`{test}`" for test in control.tests))
    return f"## {control.topic}: {control.key}\n\n" + "\n".join(rows)


def shown(name: str) -> str:
    """The value of a setting, or whether it is set where the value is nobody's business."""
    value = getattr(settings, name, None)
    if name in SECRET:
        return "set" if value else "not set"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "not set"
    return str(value) if value not in (None, "") else "not set"
