"""Notes, tags and the assignee on the page of an order, and the addresses that their forms post to."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from access.confinement import visible_platforms, who_see
from core.format import grouped
from orders.models import Order
from orders.teamwork import (
    LONGEST_NOTE,
    MOST_TAGS,
    Refused,
    add_note,
    assign,
    known_tags,
    note_seen,
    set_tags,
)

NOTE = "orders.add_ordernote"
MOST_ASSIGNED = 1000  # at once
MOST_SUGGESTED = 200  # people that a form offers
WHY = {
    "empty": gettext_lazy("Nothing was stored: the note is empty."),
    "too_long": gettext_lazy("Nothing was stored: the text is too long."),
    "too_many": gettext_lazy("Nothing was stored: an order has %(most)d tags at most."),
}


def team_of(request: HttpRequest, order: Order) -> dict[str, Any]:
    """What is shown and what the forms need for those who may fill them in. Notes that name the reader are seen now."""
    note_seen(order, request.user)  # type: ignore[arg-type]  # nobody is anonymous here
    may_write = request.user.has_perm(NOTE)
    assignment = getattr(order, "assignment", None)
    return {
        "notes": list(order.notes.all()),
        "tags": [tag.name for tag in order.tags.all()],
        "assignee": assignment.user if assignment else None,
        "may_write": may_write,
        "people": readers_of(order)[:MOST_SUGGESTED] if may_write else [],
        "known_tags": known_tags(visible_platforms(request)) if may_write else [],
        "longest_note": LONGEST_NOTE,
        "address": reverse("admin:orders_order_team", args=[order.pk]),
    }


def readers_of(order: Order) -> list[User]:
    """Who may sign in and see the order, by name."""
    backend = "django.contrib.auth.backends.ModelBackend"
    users = User.objects.with_perm("orders.view_order", backend=backend).filter(is_staff=True)
    return who_see(list(users.order_by("username")), order.platform_id)


def team_view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """POST stores a note, the tags or the assignee, whichever form was sent, and leads back to the page."""
    order: Order | None = model_admin.get_object(request, object_id)
    if not request.user.has_perm(NOTE) or not model_admin.has_view_permission(request, order):
        raise PermissionDenied
    if order is None:
        raise Http404
    if request.method == "POST":
        try:
            _store(request, order)
        except Refused as refused:
            messages.error(request, str(WHY[refused.code]) % {"most": MOST_TAGS})
    return HttpResponseRedirect(reverse("admin:orders_order_change", args=[order.pk]) + "#team")


def _store(request: HttpRequest, order: Order) -> None:
    sent = request.POST
    if "note" in sent:
        note = add_note(order, sent["note"], author=request.user.get_username(), readers=readers_of(order))
        named = ", ".join(mention.user.get_username() for mention in note.mentions.select_related("user"))
        if named:
            messages.success(request, _("The note is stored. %(people)s will see it.") % {"people": named})
    elif "tags" in sent:
        set_tags(order, sent["tags"].split(","), shown=sent.getlist("shown") if "has_shown" in sent else None)
    elif "assignee" in sent:
        _assign(request, order, sent["assignee"])


def _assign(request: HttpRequest, order: Order, username: str) -> None:
    chosen = next((user for user in readers_of(order) if user.get_username() == username), None)
    if username and chosen is None:
        messages.error(request, _("Nothing was stored: nobody of this name can see the order."))
        return
    assign([order], chosen)


def assign_selected(request: HttpRequest, orders: QuerySet[Order]) -> None:
    """The action of the list of orders."""
    chosen = list(orders.order_by("pk")[: MOST_ASSIGNED + 1])
    if len(chosen) > MOST_ASSIGNED:
        messages.error(
            request,
            _("Nothing was assigned: choose %(most)s orders at most.") % {"most": grouped(MOST_ASSIGNED)},
        )
        return
    count = assign(chosen, request.user)  # type: ignore[arg-type]  # nobody is anonymous here
    text = ngettext("%(count)s order is assigned to you.", "%(count)s orders are assigned to you.", count)
    messages.success(request, text % {"count": grouped(count)})
