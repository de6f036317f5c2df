"""AuditEntry: one thing that somebody did. AuditHead: where the chain of entries begins and ends. AuditShipment: how
far entries were shipped elsewhere. AuditSum: attempts that become one entry.
"""

import json
from typing import Any, NoReturn

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class AppendOnly(Exception):
    """Entries are written once: nobody changes or deletes them but retention."""

    def __init__(self) -> None:
        super().__init__("Entries of the audit are neither changed nor deleted.")


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def update(self, **_values: Any) -> NoReturn:
        raise AppendOnly

    def delete(self) -> NoReturn:
        raise AppendOnly


class AuditEntry(models.Model):
    """No foreign keys: an entry outlives the user, the platform and the object it is about, and keeps their names.

    `sequence` and `digest` are empty until the entry is linked to the one before (chain.py), soon after its
    transaction has committed.
    """

    class Door(models.TextChoices):
        """How somebody came in."""

        ADMIN = "admin", _("admin")
        API = "api", _("API")
        COMMAND = "command", _("command line")
        SERVICE = "service", _("OMS itself")

    sequence = models.BigIntegerField(_("number"), null=True, unique=True, editable=False)
    digest = models.CharField(_("digest"), max_length=64, blank=True, default="", editable=False)
    at = models.DateTimeField(_("time"), default=timezone.now, db_index=True)
    actor = models.CharField(_("who"), max_length=150, blank=True, default="")
    actor_id = models.BigIntegerField(null=True, blank=True)
    door = models.CharField(_("way in"), max_length=8, choices=Door.choices)
    address = models.CharField(_("address"), max_length=45, blank=True, default="")
    action = models.CharField(_("what"), max_length=64)
    object_kind = models.CharField(_("kind of object"), max_length=64, blank=True, default="")
    object_id = models.CharField(_("id of the object"), max_length=64, blank=True, default="")
    object_name = models.CharField(_("object"), max_length=255, blank=True, default="")
    platform_id = models.BigIntegerField(null=True, blank=True)
    # JSON as text: the digest is made of these characters, and PostgreSQL would store jsonb in others.
    changes_json = models.TextField(_("changes"), blank=True, default="")
    reason = models.CharField(_("reason"), max_length=500, blank=True, default="")
    request_id = models.CharField(_("request id"), max_length=128, blank=True, default="")

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        db_table = "audit_entries"
        base_manager_name = "objects"
        default_permissions = ("view",)
        ordering = ("-id",)
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        indexes = [
            models.Index(fields=("object_kind", "object_id", "-id"), name="audit_of_object"),
            models.Index(fields=("action", "-id"), name="audit_action"),
            models.Index(fields=("actor", "-id"), name="audit_actor"),
        ]

    def __str__(self) -> str:
        return gettext("audit entry %(number)s") % {"number": self.sequence or "–"}

    def save(self, *args: Any, **options: Any) -> None:
        if self.pk is not None:
            raise AppendOnly
        super().save(*args, **options)

    def delete(self, *args: Any, **options: Any) -> NoReturn:
        raise AppendOnly

    @property
    def changes(self) -> dict[str, Any]:
        """By field: the value before and the one after, as a list of two; or facts about what was done. Text that
        somebody wrote by hand and that is none of it comes as it is, under an empty name."""
        try:
            stored = json.loads(self.changes_json or "{}")
        except ValueError:
            stored = self.changes_json
        return stored if isinstance(stored, dict) else {"": stored}


class AuditHead(models.Model):
    """The only row: the last entry that is linked, the last one that retention deleted, and through which one, and
    when, all were last found to be as they were written.

    With the two digests, entries that are missing at either end show as well.
    """

    ONLY = 1

    last = models.BigIntegerField(default=0)
    last_digest = models.CharField(max_length=64, blank=True, default="")
    pruned_through = models.BigIntegerField(default=0)
    pruned_digest = models.CharField(max_length=64, blank=True, default="")
    verified_through = models.BigIntegerField(default=0)
    verified_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "audit_head"
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.last)


class AuditSum(models.Model):
    """Attempts of late that are one entry together (summing.py). `key` is a digest of what they have in common; `count`
    is without the first where that one has an entry of its own."""

    key = models.CharField(max_length=64, primary_key=True)
    action = models.CharField(max_length=64)
    door = models.CharField(max_length=8)
    address = models.CharField(max_length=45, blank=True, default="")  # "" where there were several
    count = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    until = models.DateTimeField(db_index=True)
    object_kind = models.CharField(max_length=64, blank=True, default="")
    object_id = models.CharField(max_length=64, blank=True, default="")
    object_name = models.CharField(max_length=255, blank=True, default="")
    platform_id = models.BigIntegerField(null=True, blank=True)
    changes_json = models.TextField(blank=True, default="")

    class Meta:
        db_table = "audit_sums"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.action} {self.count}"


class AuditShipment(models.Model):
    """A place outside of the database, and the last entry that it has taken (shipping.py)."""

    place = models.CharField(max_length=16, primary_key=True)
    shipped_through = models.BigIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True)
    refused_at = models.DateTimeField(null=True)  # since when it takes nothing; NULL once it does again

    class Meta:
        db_table = "audit_shipments"
        default_permissions = ()

    def __str__(self) -> str:
        return self.place
