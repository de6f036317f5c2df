"""One call of the connection check: its result, and the finding about it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.amazon.datasets import is_refusal
from integrations.errors import PlatformError, RateLimited, RequestRefused
from integrations.protocol import Finding

NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class CallResult:
    """Either an answer or an error."""

    answer: Any = None
    error: PlatformError | None = None

    @property
    def reached(self) -> bool:
        """Whether the operation itself answered, even if only to refuse a parameter."""
        return self.error is None or (isinstance(self.error, RequestRefused) and self.error.status == 400)

    @property
    def is_refused(self) -> bool:
        return is_refusal(self.error)

    def finding(self, step: str, success: str, advice: str = "") -> Finding:
        """`advice` is for a refusal: what is missing, and what OMS does without it. Other errors have their own
        advice."""
        error = self.error
        if error is None:
            return Finding(step=step, ok=True, message=success)
        if isinstance(error, RateLimited):
            return Finding(step=step, ok=None, message=not_now(error), code=NOT_CHECKED)
        message = f"{error} {advice}".strip() if self.is_refused else str(error)
        return Finding(step=step, ok=False, message=message, code=error.code, request_id=error.request_id)


def try_call(call: Callable[[], Any]) -> CallResult:
    try:
        return CallResult(answer=call())
    except PlatformError as error:
        return CallResult(error=error)


def not_now(error: RateLimited) -> str:
    """When there is quota again, to the minute, and the day if that is not today."""
    now = datetime.now(UTC)
    moment = now + timedelta(seconds=error.retry_after, minutes=1)  # rounded up to the next full minute
    when = f"{moment:%H:%M}" if moment.date() == now.date() else f"{moment:%Y-%m-%d %H:%M}"
    return (
        "Not checked: Amazon's quota for this call is used up, by syncs or by another program. That is no problem in "
        f"itself, and syncs wait for it on their own. Check again at {when} UTC."
    )
