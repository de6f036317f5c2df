"""Times as programs exchange them."""

from datetime import UTC, datetime


def utc_text(moment: datetime) -> str:
    """2026-01-31T08:00:00Z, in whole seconds. The year has four digits, which strftime does not see to.

    Z, since an offset's plus sign gets lost in queries.
    """
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
