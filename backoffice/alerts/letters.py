"""The texts of e-mails, in the language and time zone that are active: short, with links, without personal data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice.alerts.conditions import Condition, title_of
from backoffice.alerts.growth import Growth
from backoffice.models import AlertState
from core.addresses import public_address
from core.format import format_datetime, grouped

LONGEST_SUBJECT = 200
LONGEST_SENTENCE = 1000
MOST_LINES = 50


@dataclass(frozen=True, slots=True)
class Letter:
    subject: str
    body: str


def news(began: Sequence[Condition], grown: Sequence[Growth], over: Sequence[AlertState]) -> Letter:
    """What began, what has grown and what is over, in one letter. `over` has the platforms of its rows."""
    lines: list[str] = []
    if began:
        lines += [_("Began:"), *_entries([_of_condition(each) for each in began])]
    if grown:
        lines += [_("New:"), *_entries([_of_growth(each) for each in grown])]
    if over:
        lines += [_("Over:"), *_entries([_of_state(each) for each in over])]
    titles = [title_of(each.kind, each.platform) for each in began]
    titles += [
        _("%(title)s: %(count)s new")
        % {"title": title_of(each.condition.kind, each.condition.platform), "count": grouped(each.count)}
        for each in grown
    ]
    titles += [_("over: %(title)s") % {"title": title_of(each.kind, each.platform)} for each in over]
    return _letter(titles[0] if len(titles) == 1 else _count(len(began), len(grown), len(over)), lines)


def digest(still: Sequence[tuple[Condition, AlertState]]) -> Letter:
    """What is still so."""
    entries = [
        [
            *_of_condition(condition),
            _("since %(time)s") % {"time": format_datetime(condition.since or state.began_at)},
        ]
        for condition, state in still
    ]
    text = ngettext("%(count)s problem today", "%(count)s problems today", len(still))
    return _letter(text % {"count": grouped(len(still))}, [_("Still so:"), *_entries(entries)])


def _of_condition(condition: Condition) -> list[str]:
    return _entry(condition, condition.say())


def _of_growth(grown: Growth) -> list[str]:
    """What is new, and what there is in all."""
    return _entry(grown.condition, f"{grown.say()} {grown.condition.say()}")


def _entry(condition: Condition, text: str) -> list[str]:
    name = f"{condition.platform}: " if condition.platform else ""
    sentence = " ".join(f"{name}{text}".split())  # one line
    if len(sentence) > LONGEST_SENTENCE:
        sentence = f"{sentence[:LONGEST_SENTENCE]}…"
    return [line for line in (sentence, public_address(condition.href)) if line]


def _of_state(state: AlertState) -> list[str]:
    began = _("since %(time)s") % {"time": format_datetime(state.began_at)}
    return [f"{title_of(state.kind, state.platform)} ({began})"]


def _entries(entries: Sequence[Sequence[str]]) -> Iterator[str]:
    for first, *more in entries[:MOST_LINES]:
        yield f"- {first}"
        yield from (f"  {line}" for line in more)
    if len(entries) > MOST_LINES:
        others = _("and %(count)s more") % {"count": grouped(len(entries) - MOST_LINES)}
        yield f"- {others}"
    yield ""


def _count(began: int, grown: int, over: int) -> str:
    parts = []
    if began:
        text = ngettext("%(count)s problem began", "%(count)s problems began", began)
        parts.append(text % {"count": grouped(began)})
    if grown:
        parts.append(
            ngettext("%(count)s has grown", "%(count)s have grown", grown) % {"count": grouped(grown)}
        )
    if over:
        parts.append(ngettext("%(count)s is over", "%(count)s are over", over) % {"count": grouped(over)})
    return ", ".join(parts)


def _letter(subject: str, lines: Sequence[str]) -> Letter:
    page = public_address(reverse("my-alerts"))
    end = [_("What you are told of: %(page)s") % {"page": page}] if page else []
    one_line = " ".join(subject.split())[:LONGEST_SUBJECT]
    return Letter(f"OMS: {one_line}", "\n".join([*lines, *end]).strip() + "\n")
