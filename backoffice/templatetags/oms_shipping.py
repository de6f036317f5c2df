"""What every page says of shipping."""

from typing import Any

from django import template

from backoffice.shipping.many_rows import rows_html
from backoffice.shipping.presentation import SEE
from integrations.models import WritingStop
from integrations.shipping.policy import writing_stop

register = template.Library()
register.filter("as_shipping_rows", rows_html)


@register.simple_tag(takes_context=True)
def writing_is_stopped(context: Any) -> WritingStop | None:
    """The switch that stops all writing, where it is used, for those who may see shipments. One query a page."""
    user = getattr(context.get("request"), "user", None)
    if user is None or not user.is_active or not user.has_perm(SEE):
        return None
    stop = writing_stop()
    return stop if stop.is_stopped else None
