"""What a sync was asked for, in one form, so that two requests can be compared and an open sync can be named.

{}                                                      what changed since the last time; the stock of all SKUs
{"by": "updated", "since": "…Z", "until": "…Z"}         a window; `until` is left out where it ends now
{"by": "updated", "days": 7}                            the last days; the same request a minute later, too
{"by": "updated", "look_back": "recent"}                what was read before, once more; "far": further back
{"skus": ["A-1", "B 2"]}                                some SKUs, sorted
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from core.iso import utc_text
from integrations.models import SyncLog
from integrations.sync.windows import WindowRequest

Asked = dict[str, Any]


def what_is_asked(window: WindowRequest, skus: Sequence[str]) -> Asked:
    asked: Asked = {}
    if not window.is_incremental:
        asked["by"] = str(window.by)
        if window.look_back:
            return asked | {"look_back": window.look_back}
        if window.days is not None:
            asked["days"] = window.days
        elif window.since is not None:
            asked["since"] = utc_text(window.since)
        until = window.asked_until or window.until
        if until is not None:
            asked["until"] = utc_text(until)
    if skus:
        asked["skus"] = sorted(set(skus))
    return asked


def is_what_was_asked(log: SyncLog, asked: Asked) -> bool:
    """Whether this sync does what is asked for."""
    return asked_of(log) == asked


def asked_of(log: SyncLog) -> Asked:
    if log.asked is not None:
        asked: Asked = json.loads(log.asked)
        return asked
    # Opened by a version that did not store it: as near as its columns say.
    window = WindowRequest()
    if not log.is_incremental:
        window = WindowRequest(by=log.window_by, since=log.window_start, until=log.window_end)
    return what_is_asked(window, log.skus)


def as_text(asked: Asked) -> str:
    """Equal for equal requests."""
    return json.dumps(asked, sort_keys=True)


def digest_of(asked: Asked) -> str:
    return hashlib.sha256(as_text(asked).encode()).hexdigest()[:16]
