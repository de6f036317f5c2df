"""Judges Amazon's answers: a JSON object with the expected key in a 2xx is a success, everything else an error. Of an
operation that answers without content, the 204 is one, and nothing else.

python-amazon-sp-api takes an HTML error page for an empty success and JSON without "errors" for a result, whatever
the status; here the status is looked at first. No HTTP library and no Django: status, headers and bytes go in.

Error texts and their meaning: https://developer-docs.amazon.com/sp-api/docs/sp-api-errors
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from integrations.amazon.decoding import REPLACEMENT, decode, has_odd_name, mend, replaced_in
from integrations.amazon.parse import OddlyNamed
from integrations.amazon.quota import retry_after
from integrations.amazon.retry import PASSING, advised_wait
from integrations.amazon.shipment_refusals import CONFIRM, refused_shipment
from integrations.errors import (
    AuthenticationError,
    AuthorizationError,
    PlatformError,
    RateLimited,
    RequestRefused,
    TransientError,
)
from integrations.protocol import Note

TOKEN_EXPIRED = "token_expired"  # noqa: S105  error codes, not secrets
TOKEN_REJECTED = "token_rejected"  # noqa: S105

MOST_NAMED = 5  # records in a note
Expected = tuple[str, type]  # such as ("payload.inventorySummaries", list)
REQUEST_ID = "x-amzn-RequestId"

# Access, refresh and client secrets as Amazon issues them: a gateway's message may repeat what was sent.
SECRETS = re.compile(r"""(?:Atz[a-z]\||amzn1\.oa2-cs\.)[^\s"'<>,;]*""")


# What a login says that has trouble of its own, with status 400 as well: nothing is wrong with the credentials.
# https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1
LOGIN_TROUBLE = frozenset(
    {"internal_error", "internal_server_error", "server_error", "slow_down", "temporarily_unavailable"}
)


class Mended(dict[str, Any]):
    """An answer in which U+FFFD stands for characters that could not be read."""


class AccessTokenRefused(AuthenticationError):
    """Amazon did not take the access token: a new one may help, once."""

    def although_new(self) -> AuthenticationError:
        """The same of a token that Amazon had issued a moment before."""
        text = (
            f"{self} It had issued this token a moment before: usually that is an outage of Amazon's, and the "
            "credentials are probably fine. OMS goes on trying by itself. If it lasts for more than a day, check "
            "whether the seller withdrew the app's authorisation, and whether the account belongs to this region."
        )
        return AuthenticationError(text, code=self.code, request_id=self.request_id, status=self.status)


def judge(
    operation: str, status: int, headers: Mapping[str, str], body: bytes, expected: Expected | None
) -> dict[str, Any]:
    """The parsed answer of `operation`: an object with what is `expected`, a dotted path and the type of value there.
    None: an answer without content; what is returned then is {"x-amzn-RequestId"}.

    `headers` must find names whatever their case. Raises PlatformError with Amazon's request id.
    """
    request_id = headers.get(REQUEST_ID, "")
    answer, is_mended = mend(body, headers.get("Content-Type", ""))
    problem = _reported(answer)
    advised = advised_wait(headers.get("Retry-After"), headers.get("Date"))
    if status == 429:
        wait = max(advised, retry_after(operation, headers.get("x-amzn-RateLimit-Limit")))
        raise RateLimited(
            "Amazon's quota for this call is used up.",
            retry_after=wait,
            request_id=request_id,
            by_platform=True,
        )
    if status in PASSING:
        raise TransientError(
            f"Amazon is having trouble (HTTP {status}{problem}).",
            retry_after=advised,
            request_id=request_id,
            status=status,
        )
    if status in (401, 403):
        raise _access_error(status, problem, request_id)
    if not 200 <= status < 300 and operation == CONFIRM:
        raise refused_shipment(status, problem, _all_reported(answer), request_id)
    if not 200 <= status < 300:
        raise RequestRefused(
            f"Amazon refused {operation} (HTTP {status}{problem}).",
            code=_refusal_code(status),
            request_id=request_id,
            status=status,
        )
    if isinstance(answer, dict) and answer.get("errors"):
        error_type = RequestRefused if "invalid" in problem.lower() else TransientError
        raise error_type(
            f"Amazon answered {operation} with an error inside a success{problem}.",
            code="error_in_answer",
            request_id=request_id,
            status=status,
        )
    if expected is None and status == 204:
        return {REQUEST_ID: request_id}
    if lack := _lack(answer, expected):
        raise TransientError(
            f"Amazon's answer to {operation} {lack}.",
            code="broken_answer",
            request_id=request_id,
            status=status,
        )
    return _mended(answer, expected) if is_mended and expected else answer


def _mended(answer: dict[str, Any], expected: Expected) -> Mended:
    """The answer, with its records marked in which the name of an attribute could not be read."""
    *holders, name = expected[0].split(".")
    mended = Mended(answer)
    holder: dict[str, Any] = mended
    for each in holders:
        holder[each] = holder = dict(holder[each])
    records = holder[name]
    holder[name] = [_marked(each) for each in records] if isinstance(records, list) else _marked(records)
    return mended


def _marked(record: Any) -> Any:
    return OddlyNamed(record) if isinstance(record, dict) and has_odd_name(record) else record


def _lack(answer: Any, expected: Expected | None) -> str:
    """What makes an answer with a good status a broken one, as the end of a sentence; "" where nothing does."""
    if expected is None:
        return "is none that it gives: that is a 204 without content"
    if answer is None:
        return "could not be read: it is cut short or no JSON"
    path, kind = expected
    if not isinstance(answer, dict) or not isinstance(_at(path, answer), kind):
        return f"lacks {path!r}"
    # Where the name of an attribute could not be read, it may be this one.
    is_hidden = kind is list and "pagination" not in answer and any(REPLACEMENT in name for name in answer)
    if is_hidden or not _is_pagination(answer.get("pagination")):
        return (
            "does not say whether there is a next page: its pagination is no object with a nextToken of text"
        )
    return ""


def _is_pagination(value: Any) -> bool:
    """Whether it tells if there is a next page. Absent and null mean that there is none."""
    if value is None:
        return True
    token = value.get("nextToken") if isinstance(value, dict) and not has_odd_name(value) else False
    if isinstance(token, str):  # what was replaced in a token leads nowhere
        return REPLACEMENT not in token
    return token is None or (isinstance(token, int | float) and not isinstance(token, bool))


def _at(path: str, answer: Any) -> Any:
    """What stands at "payload.inventorySummaries", None where there is nothing."""
    for key in path.split("."):
        answer = answer.get(key) if isinstance(answer, dict) else None
    return answer


def judge_token(status: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The parsed answer of Login with Amazon to a refresh_token grant. Raises PlatformError."""
    answer = decode(body)
    advised = advised_wait(headers.get("Retry-After"), headers.get("Date"))
    if status == 429:
        text = "Login with Amazon is asked too often."
        raise RateLimited(text, retry_after=max(advised, 5.0), by_platform=True)
    if status >= 500 or status in PASSING:
        raise TransientError(
            f"Login with Amazon is having trouble (HTTP {status}).", retry_after=advised, status=status
        )
    if not isinstance(answer, dict):
        raise TransientError(
            f"Login with Amazon's answer could not be read (HTTP {status}).",
            code="broken_answer",
            status=status,
        )
    # In a header it must be one word of ASCII; anything else would fail there, with the token in the message.
    if status == 200 and _is_header_word(answer.get("access_token")):
        return answer
    if status == 200:
        raise TransientError(
            "Login with Amazon's answer lacks the access token.", code="broken_answer", status=200
        )
    word = _word(answer.get("error"))
    if word in LOGIN_TROUBLE:
        # Without the status: it is not refused, so it is asked again like after a 503.
        text = f"Login with Amazon is having trouble (HTTP {status}: {word})."
        raise TransientError(text, retry_after=advised)
    if not word and status not in (400, 401, 403):
        raise RequestRefused(
            f"What answers for Login with Amazon is something else (HTTP {status}). Check AMAZON_LWA_ENDPOINT and "
            "proxies.",
            code=_refusal_code(status),
            status=status,
        )
    text = TOKEN_PROBLEMS.get(word, UNKNOWN_PROBLEM.format(word or "authentication"))
    # A word that is new to us is in the sentence alone: codes are a closed list.
    raise AuthenticationError(
        text, code=word if word in AuthenticationError.more_codes else "", status=status
    )


# https://developer-docs.amazon.com/sp-api/docs/authorization-errors
TOKEN_PROBLEMS = {
    "invalid_client": (
        "Login with Amazon does not accept the client id and client secret (invalid_client). OMS goes on trying. If it "
        "lasts, copy both again from the app's LWA credentials in Seller Central; a secret that was rotated more than "
        "7 days ago no longer works."
    ),
    "invalid_grant": (
        "Login with Amazon does not accept the refresh token (invalid_grant). OMS goes on trying. If it lasts, the "
        "token was revoked, has expired or belongs to another app: authorise the app again in Seller Central and store "
        "the new refresh token."
    ),
    "unauthorized_client": (
        "Login with Amazon says that the refresh token belongs to another app than the client id "
        "(unauthorized_client). OMS goes on trying. If it lasts, store client id, client secret and refresh token of "
        "the same app."
    ),
}
UNKNOWN_PROBLEM = (
    "Login with Amazon refused the credentials ({}). OMS goes on trying. If it lasts, check all of them."
)


def _reported(answer: Any) -> str:
    """What an answer says went wrong, as ": code, message, details"; "" where it says nothing.

    Amazon spells codes differently from API to API, so they are shown and hardly ever compared. A gateway in front
    of the API sends {"message": …} alone.
    """
    if not isinstance(answer, dict):
        return ""
    errors = answer.get("errors") or answer
    error = errors[0] if isinstance(errors, list) else errors
    texts = [error.get(key) for key in ("code", "message", "details")] if isinstance(error, dict) else [error]
    said = dict.fromkeys(" ".join(text.split()) for text in texts if isinstance(text, str) and text.strip())
    return SECRETS.sub("(secret)", f": {', '.join(said)}")[:400] if said else ""


def _all_reported(answer: Any) -> str:
    """Every text that an answer has, however deep: nothing for people, to be searched for what it says."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, list):
        return " ".join(_all_reported(each) for each in answer)
    return answer if isinstance(answer, str) else ""


def _access_error(status: int, problem: str, request_id: str) -> PlatformError:
    """What a 401 or 403 means, by its text: the status alone does not tell an old token from a missing role."""
    text = problem.lower()
    common: dict[str, Any] = {"request_id": request_id, "status": status}
    if "secret" in text and "expired" in text:
        return AuthenticationError(
            f"Amazon says that the app's client secret has expired (HTTP {status}{problem}). OMS goes on trying. If it "
            "lasts, make a new one in Seller Central (LWA credentials) and store it.",
            code="secret_expired",
            **common,
        )
    if "token" in text and "expired" in text:
        return AccessTokenRefused(
            f"Amazon says that the access token has expired (HTTP {status}{problem}).",
            code=TOKEN_EXPIRED,
            **common,
        )
    if "revoked" in text or "malformed" in text or status == 401:
        return AccessTokenRefused(
            f"Amazon does not accept the access token (HTTP {status}{problem}).",
            code=TOKEN_REJECTED,
            **common,
        )
    return AuthorizationError(
        f"Amazon denied access (HTTP {status}{problem}). The credentials are good. This often passes by itself, and "
        "OMS goes on trying. If it lasts, the app lacks a role for this call, is still a draft, or the account does "
        "not sell in this marketplace or region.",
        **common,
    )


def _refusal_code(status: int) -> str:
    return {400: "bad_request", 404: "not_found", 413: "too_large", 415: "unsupported"}.get(status, "refused")


def _is_header_word(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[!-~]+", value) is not None


def _word(value: Any) -> str:
    """A short error word of the answer; anything else could be an echo of what was sent."""
    word = value.lower() if isinstance(value, str) else ""
    return word if re.fullmatch(r"[a-z_]{1,40}", word) else ""


def note_of_replacements(answer: Mapping[str, Any], raws: Sequence[Any], id_name: str) -> tuple[Note, ...]:
    """What a person should know of an answer that had to be mended; nothing of any other."""
    if not isinstance(answer, Mended):
        return ()
    ids = replaced_in(raws, lambda raw: str(raw.get(id_name) or "") if isinstance(raw, dict) else "")
    listed = ", ".join(ids[:MOST_NAMED]) + (
        f" and {len(ids) - MOST_NAMED} more" if len(ids) > MOST_NAMED else ""
    )
    text = (
        "Amazon's answer held characters that cannot be read: bytes that are no UTF-8, with no charset named, or half "
        f"of a character. {REPLACEMENT} stands for them in: {listed or 'no record'}. All the rest was stored; once "
        "Amazon sends them well, they are corrected."
    )
    return (Note("characters_replaced", text),)
