"""The file of a run: as its owner would get it at the time of its plan, with his permissions and platforms of now."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import uuid4

from django.contrib.auth.models import User
from django.http import QueryDict
from django.utils import timezone, translation

from audit.models import AuditEntry
from audit.origin import Origin, acting_as
from backoffice.export.scheduling import MAY
from backoffice.export.unattended import NoFile, export_for
from backoffice.export.views import COLUMNS, TOKEN
from backoffice.lists.days import reckoned_from
from backoffice.models import ExportRun
from backoffice.scheduled.catalogue import items
from backoffice.scheduled.destinations import Made
from backoffice.scheduled.models import ScheduledExport
from backoffice.scheduled.problems import NotSent, Problem
from core.zones import zone_named


@contextmanager
def as_owner(export: ScheduledExport, planned_at: datetime) -> Iterator[User]:
    """Who is asked for permissions, and entered in the audit; in the language and zone of the export, on the day of its
    plan. Raises NotSent where the owner may have no file."""
    owner = _owner_of(export)
    zone = zone_named(export.time_zone)
    with (
        acting_as(Origin(AuditEntry.Door.SERVICE, actor=owner.get_username(), actor_id=owner.pk)),
        timezone.override(zone),
        translation.override(export.language),
        reckoned_from(planned_at.astimezone(zone).date()),
    ):
        yield owner


def _owner_of(export: ScheduledExport) -> User:
    if export.owner_id is None:
        raise NotSent(Problem.NO_OWNER)
    owner = User.objects.get(pk=export.owner_id)  # as he is now
    if not (owner.is_active and owner.is_staff):
        raise NotSent(Problem.OWNER_INACTIVE, owner.get_username())
    item = items().get(export.file)
    if item is None:
        raise NotSent(Problem.GONE, export.file)
    if not owner.has_perm(MAY) or not item.may_be_seen_by(owner):
        raise NotSent(Problem.OWNER_MAY_NOT, owner.get_username())
    return owner


def file_of(export: ScheduledExport, owner: User, planned_at: datetime) -> Made:
    """Within `as_owner`. Raises NotSent."""
    query = QueryDict(export.query, mutable=True)
    query[TOKEN] = token = uuid4().hex
    if export.columns:
        query[COLUMNS] = ",".join(export.columns)
    try:
        _name, pieces = export_for(owner, f"{export.file}.{export.format}", query.urlencode())
    except NoFile as refused:
        raise NotSent(Problem.REFUSED, str(refused)) from None
    rows = ExportRun.objects.filter(token=token, finished_at__isnull=False).values_list("rows", flat=True)
    return Made(name=name_of(export, planned_at), pieces=pieces, rows=lambda: rows.first())


def name_of(export: ScheduledExport, planned_at: datetime) -> str:
    """`daily-orders-20261127-0600.csv`, by the clock of its zone; an hour that comes twice has one run."""
    extension = export.format.removeprefix("machine.")
    if not export.is_stamped:
        return f"{export.file_stem}.{extension}"
    local = planned_at.astimezone(zone_named(export.time_zone))
    return f"{export.file_stem}-{local:%Y%m%d-%H%M}.{extension}"
