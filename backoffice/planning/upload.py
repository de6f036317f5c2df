"""The page that takes the file of settings: it shows what would change, and changes it once that was confirmed.

Between the two steps the file stands in the page, signed: nothing of it is stored, and nobody can confirm another one.
"""

from hashlib import blake2b
from typing import Any

from django.contrib import messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from access.confinement import visible_platforms
from backoffice.planning.settings_file import COLUMNS, MOST_PROBLEMS, BadFile, Reading, read_file
from core.format import grouped
from inventory.sku_settings import set_planning

MOST_BYTES = 1_000_000
MOST_SHOWN = 200
SALT = "planning-settings"
LASTS = 3600  # seconds that a preview can be confirmed
LIST = "admin:inventory_plannedsku_changelist"


def upload_view(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """GET asks for a file, POST shows what it would change, or with `confirm` changes it."""
    if not model_admin.has_change_permission(request):
        raise PermissionDenied
    context: dict[str, Any] = {}
    if request.method == "POST":
        try:
            if done := _posted(request, context):
                return done
        except BadFile as bad:
            context["problems"] = bad.problems[:MOST_PROBLEMS]
            context["more"] = max(len(bad.problems) - MOST_PROBLEMS, 0)
    context |= {
        **model_admin.admin_site.each_context(request),
        "title": _("Upload settings of SKUs"),
        "opts": model_admin.opts,
        "columns": COLUMNS,
    }
    status = 400 if "problems" in context else 200
    return TemplateResponse(request, "planning/upload.html", context, status=status)


def _posted(request: HttpRequest, context: dict[str, Any]) -> HttpResponse | None:
    """The redirect after a confirmed change; None where the page shows what would change. Raises BadFile."""
    is_confirmed = "confirm" in request.POST
    data = _confirmed_data(request) if is_confirmed else _uploaded_data(request)
    reading = read_file(data, visible_platforms(request))
    seal = _seal(reading)
    if is_confirmed and request.POST.get("seal") == seal:
        return _change(request, reading)
    if is_confirmed:
        messages.warning(
            request, _("Something else was changed meanwhile. Nothing is changed yet: look again.")
        )
    context |= {
        "reading": reading,
        "shown": reading.differences[:MOST_SHOWN],
        "hidden": max(len(reading.differences) - MOST_SHOWN, 0),
        "file": signing.dumps(data.decode(), salt=_salt(request), compress=True),
        "seal": seal,
    }
    return None


def _change(request: HttpRequest, reading: Reading) -> HttpResponse:
    changed = set_planning(reading.values, [(ids, value) for value, ids in reading.thresholds.items()])
    skus = ngettext(
        "Settings of %(count)s SKU were changed.", "Settings of %(count)s SKUs were changed.", changed.skus
    )
    limits = ngettext(
        "%(count)s threshold was changed.", "%(count)s thresholds were changed.", changed.thresholds
    )
    told = [skus % {"count": grouped(changed.skus)}, limits % {"count": grouped(changed.thresholds)}]
    messages.success(request, " ".join(told))
    return HttpResponseRedirect(reverse(LIST))


def _uploaded_data(request: HttpRequest) -> bytes:
    """Raises BadFile."""
    file = request.FILES.get("file")
    if file is None:
        raise BadFile([_("Choose a file.")])
    if (file.size or 0) > MOST_BYTES:
        raise BadFile([_("The file has more than 1 MB. Upload it in parts.")])
    data: bytes = file.read()
    return data


def _confirmed_data(request: HttpRequest) -> bytes:
    """The file of the preview that this reader was shown. Raises BadFile."""
    try:
        text: str = signing.loads(request.POST["confirm"], salt=_salt(request), max_age=LASTS)
    except signing.BadSignature:
        raise BadFile([_("This preview is too old. Upload the file again.")]) from None
    return text.encode()


def _salt(request: HttpRequest) -> str:
    return f"{SALT}:{request.user.pk}"


def _seal(reading: Reading) -> str:
    """Tells one preview from another: values that are stored meanwhile make others of it."""
    return blake2b(
        repr((reading.differences, sorted(reading.thresholds.items(), key=repr))).encode(), digest_size=16
    ).hexdigest()
