"""What is wrong with the text of a credential, judged by the text alone: a value from another field or another service,
and characters that nobody sees.

Nothing is required that Amazon does not promise: a value that looks like nothing known is taken. What they look like:
https://developer-docs.amazon.com/sp-api/docs/connect-to-the-selling-partner-api
"""

import re
import unicodedata

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from core.format import Text
from integrations.amazon.marketplaces import MARKETPLACES

# What each field takes, and where it is found.
EXPECTED: dict[str, Text] = {
    "client_id": gettext_lazy(
        "the client id is expected, at View, under LWA credentials; it begins with amzn1.application-oa2-client."
    ),
    "client_secret": gettext_lazy(
        "the client secret is expected, at View, under LWA credentials, beside the client id"
    ),
    "refresh_token": gettext_lazy(
        "the refresh token is expected, at Authorize app in the app's menu; it begins with Atzr|"
    ),
    "marketplace_id": gettext_lazy("a marketplace id is expected, such as ATVPDKIKX0DER"),
}
# (what it looks like, what it is, the field it belongs to)
KNOWN: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(r"amzn1\.application-oa2-client\.", re.I), gettext_noop("a client id"), "client_id"),
    (re.compile(r"amzn1\.sp\.solution\.", re.I), gettext_noop("the id of an application"), ""),
    (re.compile(r"amzn1\.oa2-cs\.", re.I), gettext_noop("a client secret"), "client_secret"),
    (re.compile(r"[0-9a-f]{64}$"), gettext_noop("a client secret"), "client_secret"),  # of older applications
    (re.compile(r"Atzr\|", re.I), gettext_noop("a refresh token"), "refresh_token"),
    (re.compile(r"(Atza|Atc)\|", re.I), gettext_noop("an access token, which lives for an hour"), ""),
    (re.compile(r"Atz\.sprdt\|", re.I), gettext_noop("a restricted data token, which lives for an hour"), ""),
    (re.compile(r"(AKIA|ASIA)[0-9A-Z]{16}$"), gettext_noop("an access key of AWS"), ""),
    (re.compile(r"arn:aws", re.I), gettext_noop("a name of AWS (ARN)"), ""),
    (re.compile(rf"({'|'.join(MARKETPLACES)})$"), gettext_noop("a marketplace id"), "marketplace_id"),
)
BEGINS = re.compile(r"amzn1\.|Atz[ar]\||Atc\|")  # and stands in none of them further on
NAMES = {
    "\n": gettext_noop("a line break"),
    "\r": gettext_noop("a line break"),
    "\t": gettext_noop("a tab"),
    " ": gettext_noop("a blank"),
}
QUOTES = "\"'`"


def text_problem(name: str, value: str) -> str:
    """What is wrong with the value of this field, and what was expected; "" where nothing is. Never shows the value."""
    for place, character in enumerate(value, start=1):
        if not "!" <= character <= "~":
            text = _("it holds %(character)s at place %(place)d; copy it again, without it")
            return text % {"character": _named(character), "place": place}
    if len(value) > 1 and value[0] == value[-1] and value[0] in QUOTES:
        return _("it stands in quotation marks; leave them out")
    for pattern, what, field in KNOWN:
        if pattern.match(value) and field != name:
            words = {"what": _(what), "expected": EXPECTED[name]}
            return _("this is %(what)s; %(expected)s") % words
    for begin in BEGINS.finditer(value, 1):  # copied with its name, or twice
        text = _("the value itself begins at place %(place)d; copy it alone, and once")
        return text % {"place": begin.start() + 1}
    return ""


def _named(character: str) -> str:
    """`a line break`, `ZERO WIDTH SPACE (U+200B)`: by its name, since it may not be seen."""
    if character in NAMES:
        return _(NAMES[character])
    name = unicodedata.name(character, _("a control character"))
    return f"{name} (U+{ord(character):04X})"
