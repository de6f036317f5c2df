"""Who sees, changes and hears of which scheduled exports.

Whoever may schedule has his own. Managers have all; where they are confined to platforms, those of people who see none
of others. A change of an export decides what is sent with its owner's eyes, so whoever makes it has to see as much.
"""

from typing import Any

from django.db.models import Q

from access.confinement import confined_within, platforms_of
from backoffice.scheduled.catalogue import items
from backoffice.scheduled.models import ScheduledExport, ScheduledExportQuerySet

MANAGE = "oms.manage_scheduledexport"


def exports_of(user: Any) -> ScheduledExportQuerySet:
    """Those that this user sees. At most three queries more than reading them."""
    exports = ScheduledExport.objects.all()
    if not user.has_perm("oms.view_scheduledexport"):
        return exports.none()
    if not user.has_perm(MANAGE):
        return exports.filter(owner=user.pk)
    visible = platforms_of(user)
    if visible is None:
        return exports
    owners = list(exports.exclude(owner=None).order_by().values_list("owner", flat=True).distinct())
    return exports.filter(Q(owner=user.pk) | Q(owner__in=confined_within(owners, visible)))


def may_change(user: Any, export: ScheduledExport) -> bool:
    """Whether the export is his, or he sees whatever its owner sees of this list. Nobody, where it is of a list that is
    gone: it can be deleted."""
    item = items().get(export.file)
    if item is None or export.owner_id == user.pk:
        return item is not None
    if not user.has_perm(MANAGE) or not item.may_be_seen_by(user):
        return False
    visible = platforms_of(user)
    owner = export.owner
    if visible is None or owner is None:
        return visible is None
    of_owner = platforms_of(owner)
    return of_owner is not None and of_owner <= visible
