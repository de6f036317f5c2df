"""Of which platforms somebody may see anything: the one place that says so."""

from typing import Any

from access.models import ApiToken


def visible_platforms(auth: Any) -> frozenset[int] | None:
    """Ids of the platforms that whoever came with `auth` is confined to; None: all of them, also those of tomorrow.

    `auth` is the ApiToken of a request, or None for a session. What belongs to other platforms is not there: it is
    in no list, count, total or search, and has no address of its own.
    """
    if isinstance(auth, ApiToken) and auth.platform_ids is not None:
        return frozenset(auth.platform_ids)
    return None
