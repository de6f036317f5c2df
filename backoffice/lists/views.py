"""Views of a list that people save: a name for what its address asks for. A view holds no rows; whoever opens it sees
what he may see."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.translation import gettext as _

from backoffice.lists.addresses import OF_THE_PAGE, given
from backoffice.lists.returning import list_address
from backoffice.models import SavedView

SHARE = "oms.share_savedview"
MOST_VIEWS = 50  # of one reader and list
LONGEST_QUERY = 4000
COLUMNS = ("name", "list_name", "query", "owner_id", "is_shared")


@dataclass(frozen=True, slots=True)
class ShownView:
    view: SavedView
    is_current: bool
    may_delete: bool


def shown_views(model_admin: Any, request: HttpRequest) -> list[ShownView]:
    """The reader's own views of this list and those that others share; one query."""
    query = query_to_save(request)
    return [
        ShownView(view, bool(query) and view.query == query, _may_delete(request, view))
        for view in _visible(model_admin, request)
        .select_related("owner")
        .only(*COLUMNS, "owner__username")[: 2 * MOST_VIEWS]
    ]


def query_to_save(request: HttpRequest) -> str:
    """What the address asks for, in an order that does not depend on how it was put together."""
    query = QueryDict(mutable=True)
    query.update(dict(sorted((name, value) for name, value in given(request) if name not in OF_THE_PAGE)))
    return query.urlencode(safe=",")


def save_view(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Save what the form holds under a name; a view of this name is the reader's own, and gets a new query."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseRedirect(list_address(model_admin, request))
    name, query = request.POST.get("name", "").strip()[:80], request.POST.get("query", "")[:LONGEST_QUERY]
    is_shared = "is_shared" in request.POST
    if is_shared and not request.user.has_perm(SHARE):
        raise PermissionDenied
    own = SavedView.objects.filter(owner=request.user.pk, list_name=model_admin.opts.label_lower)
    if not name or "\0" in name + query:
        messages.error(request, _("Nothing was saved: the view needs a name."))
    elif own.count() >= MOST_VIEWS and not own.filter(name=name).exists():
        text = _("Nothing was saved: this list has %(most)d views of yours. Delete one first.")
        messages.error(request, text % {"most": MOST_VIEWS})
    else:
        own.update_or_create(
            owner_id=request.user.pk, list_name=model_admin.opts.label_lower, name=name,
            defaults={"query": query, "is_shared": is_shared},
        )  # fmt: skip
        messages.success(request, _("The view “%(name)s” is saved.") % {"name": name})
    return HttpResponseRedirect(list_address(model_admin, request))


def delete_view(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    view = _visible(model_admin, request).filter(pk=pk).first()
    if view is None or not model_admin.has_view_permission(request):
        raise Http404
    if not _may_delete(request, view):
        raise PermissionDenied
    if request.method == "POST":
        view.delete()
        messages.success(request, _("The view “%(name)s” is deleted.") % {"name": view.name})
    return HttpResponseRedirect(list_address(model_admin, request, ""))


def _visible(model_admin: Any, request: HttpRequest) -> Any:
    views = SavedView.objects.filter(list_name=model_admin.opts.label_lower)
    return views.filter(Q(owner=request.user.pk) | Q(is_shared=True))


def _may_delete(request: HttpRequest, view: SavedView) -> bool:
    return view.owner_id == request.user.pk or request.user.has_perm(SHARE)


def is_saved(views: Sequence[ShownView]) -> bool:
    return any(shown.is_current for shown in views)
