"""Job: what a run in the background remembers that may take hours, wait, and lose its worker."""

from typing import Any, ClassVar, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integrations.models.sync import SyncLog

AnyJob = TypeVar("AnyJob", bound="Job")


class JobQuerySet(models.QuerySet[AnyJob]):
    def claimable(self) -> "JobQuerySet[AnyJob]":
        """Those that somebody may work on: queued, waiting until now, or lost by who had them."""
        now = timezone.now()
        return self.filter(
            Q(status=Job.Status.QUEUED)
            | Q(status=Job.Status.WAITING, resume_at__lte=now)
            | Q(status=Job.Status.RUNNING, lease_expires_at__lt=now)
        )


class Job(models.Model):
    """`open_key` says of what one may be open at a time, e.g. the platform's id; it is NULL once the job is closed.

    `parts`: what it asks for one by one, JSON; each subclass says what. `calls`: operation -> {"calls", "seconds" of
    quota that they took}; `api_calls` is their sum. Who works on it holds a lease (completeness/claim.py). A subclass
    may have more statuses than these.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        WAITING = "waiting", _("waiting")
        SUCCEEDED = "succeeded", _("succeeded")
        PARTIAL = "partial", _("partly failed")
        FAILED = "failed", _("failed")

    OPEN: ClassVar[tuple[str, ...]] = (Status.QUEUED, Status.RUNNING, Status.WAITING)

    platform_id: int
    platform: Any  # a foreign key of the subclass
    trigger = models.CharField(_("started by"), max_length=16, choices=SyncLog.Trigger.choices)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("requested by"),
    )
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.QUEUED)
    open_key = models.CharField(max_length=32, unique=True, null=True, blank=True, editable=False)
    api_calls = models.PositiveIntegerField(_("API calls"), default=0)
    calls = models.JSONField(default=dict, blank=True, editable=False)
    parts = models.JSONField(default=list, blank=True, editable=False)
    error_code = models.CharField(_("error code"), max_length=64, blank=True, default="")
    error_message = models.TextField(_("error"), blank=True, default="")
    notes = models.JSONField(_("notes"), default=list, blank=True)
    queued_at = models.DateTimeField(_("queued"), default=timezone.now)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    resume_at = models.DateTimeField(_("resumes"), null=True, blank=True)
    lease_token = models.CharField(max_length=32, blank=True, default="", editable=False)
    lease_expires_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = JobQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN

    @property
    def quota_seconds(self) -> float:
        """So many seconds of quota its calls took, all operations together."""
        seconds: float = sum(one["seconds"] for one in self.calls.values())
        return round(seconds, 1)
