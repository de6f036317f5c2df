"""What the list of platforms is exported as. Nothing of the credentials, not even which are set."""

from typing import TYPE_CHECKING

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from backoffice.export import Export
from backoffice.export.table import columns, titled
from core.format import Text
from integrations.sync.streams import STREAMS
from integrations.sync.streams.states import interval_name, watermark_name, windowed, with_states

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


def watermark_title(name: str) -> "_StrPromise":
    """Of the stream of orders, `orders complete until`."""
    return format_lazy(_("{stream} complete until"), stream=STREAMS[name].label)


def _interval_title(name: str) -> Text:
    title: Text = format_lazy("{}: {}", STREAMS[name].label, _("minutes between syncs"))
    return title


PLATFORM_EXPORTS = (
    Export(
        name="platforms",
        label=_("Platforms"),
        annotate=with_states,
        columns=columns(
            "id", "name", "kind", "display_name", "is_active", "include_pii",
        )
        | titled({interval_name(name): _interval_title(name) for name in STREAMS})
        | titled({watermark_name(name): watermark_title(name) for name in windowed()})
        | columns("checked_at"),
    ),
)  # fmt: skip
