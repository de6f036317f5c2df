"""SyncLog: one run of one stream of a platform; `kind` names the stream. SyncFailure: a record that was not stored."""

import json
from datetime import UTC, timedelta
from enum import StrEnum
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.database.fields import ExactCharField
from platforms.models import Platform, Source


def stream_choices() -> list[tuple[str, str | Promise]]:
    """Name and label of each stream. They stand above the models, so the app says what they are, once it is ready."""
    app: Any = apps.get_app_config("integrations")
    return [(name, stream.label) for name, stream in app.streams.items()]


class SyncLogQuerySet(models.QuerySet["SyncLog"]):
    def open(self) -> "SyncLogQuerySet":
        return self.filter(open_key__isnull=False)

    def claimable(self) -> "SyncLogQuerySet":
        """Runs that a worker may take: queued, waiting until now, or lost by the worker that had them."""
        now = timezone.now()
        return self.filter(
            Q(status=SyncLog.Status.QUEUED)
            | Q(status=SyncLog.Status.WAITING, resume_at__lte=now)
            | Q(status=SyncLog.Status.RUNNING, lease_expires_at__lt=now)
        )


class SyncLog(models.Model):
    """`open_key` makes "already open" a database constraint that holds on MySQL too, which ignores conditional
    unique constraints: "7:orders" while a regular run is open, "7:orders:window" while one with a window of its own
    is, NULL once it is closed. A request that waits for its turn has "7:orders:" and a digest of what was asked for, so
    that the same request waits once."""

    class Kind:
        """The streams that OMS itself speaks of. Which ones there are, says integrations.sync.streams.STREAMS."""

        ORDERS = "orders"
        INVENTORY = "inventory"

    class Trigger(models.TextChoices):
        ADMIN = "admin", _("admin")
        API = "api", _("API")
        COMMAND = "command", _("command line")
        SCHEDULE = "schedule", _("schedule")
        LOOK_BACK = "look_back", _("look-back")

    class Status(models.TextChoices):
        DEFERRED = "deferred", _("waiting for another sync")
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        WAITING = "waiting", _("waiting")
        SUCCEEDED = "succeeded", _("succeeded")
        PARTIAL = "partial", _("partly failed")
        FALLBACK = "fallback", _("mock data instead")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    class WindowBy(models.TextChoices):
        UPDATED = "updated", _("updated")
        CREATED = "created", _("created")

    class Lane(StrEnum):
        """Of one platform and stream, one run of each lane may be open. Those of an earlier lane go first: the others
        stand aside between two pages (sync/lanes.py). The value is the end of `open_key`."""

        REGULAR = ""
        WINDOW = "window"
        RECENT = "recent"  # the schedule looks back a day (sync/look_back.py)
        FAR = "far"  # a month

    OPEN = (Status.DEFERRED, Status.QUEUED, Status.RUNNING, Status.WAITING)
    IDLE = (Status.DEFERRED, Status.QUEUED, Status.WAITING)  # open, and nobody works on it
    GOOD = (Status.SUCCEEDED, Status.PARTIAL)  # read to its end; a partial one left some records out

    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="sync_logs")
    kind = models.CharField(_("kind"), max_length=16, choices=stream_choices)
    trigger = models.CharField(_("started by"), max_length=16, choices=Trigger.choices)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        verbose_name=_("requested by"),
    )
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.QUEUED)
    source = models.CharField(_("source"), max_length=8, choices=Source.choices, blank=True, default="")
    open_key = models.CharField(max_length=64, unique=True, null=True, blank=True, editable=False)

    # What was asked for. `is_incremental`: no window was given, it continues from the platform's watermark.
    # `asked`: what two requests are compared by, JSON as text (sync/asked.py). NULL where an earlier version opened the
    # run: a nullable column without default is added without rewriting the table.
    asked = models.TextField(null=True, blank=True, editable=False)
    is_incremental = models.BooleanField(default=True, editable=False)
    window_by = models.CharField(
        _("window by"), max_length=8, choices=WindowBy.choices, blank=True, default=""
    )
    window_start = models.DateTimeField(_("window from"), null=True, blank=True)
    window_end = models.DateTimeField(_("window to"), null=True, blank=True)
    skus = models.JSONField(_("SKUs asked for"), default=list, blank=True)

    fetched = models.PositiveIntegerField(_("fetched"), default=0)
    created = models.PositiveIntegerField(_("new"), default=0)
    updated = models.PositiveIntegerField(_("changed"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    failed = models.PositiveIntegerField(_("failed"), default=0)
    pages = models.PositiveIntegerField(_("pages"), default=0)
    # How many it will be about, judged by earlier runs; NULL where nothing is known.
    pages_expected = models.PositiveIntegerField(_("pages expected"), null=True, blank=True)
    api_calls = models.PositiveIntegerField(_("API calls"), default=0)
    throttled = models.PositiveIntegerField(_("throttled calls"), default=0)

    error_code = models.CharField(_("error code"), max_length=64, blank=True, default="")
    error_message = models.TextField(_("error"), blank=True, default="")
    request_id = models.CharField(_("platform's request id"), max_length=128, blank=True, default="")
    # Things worth knowing that are no error: [{"code": …, "message": …}].
    notes = models.JSONField(_("notes"), default=list, blank=True)

    queued_at = models.DateTimeField(_("queued"), default=timezone.now)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("ended"), null=True, blank=True)
    resume_at = models.DateTimeField(_("resumes"), null=True, blank=True)
    heartbeat_at = models.DateTimeField(_("last sign of life"), null=True, blank=True)
    cancel_requested = models.BooleanField(default=False, editable=False)
    # Which credentials it ran with (Platform.credentials_digest): the schedule of a platform whose credentials were
    # refused goes on when they are others.
    credentials_digest = models.CharField(max_length=64, blank=True, default="", editable=False)

    # The lease: who works on it, and until when that is believed. The checkpoint: where to continue.
    lease_token = models.CharField(max_length=32, blank=True, default="", editable=False)
    lease_expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    checkpoint = models.JSONField(default=dict, blank=True, editable=False)

    objects = SyncLogQuerySet.as_manager()

    class Meta:
        db_table = "sync_logs"
        ordering = ("-id",)
        verbose_name = _("sync")
        verbose_name_plural = _("syncs")
        indexes = [
            # The scheduler: runs whose lease expired or whose wait is over.
            models.Index(fields=("status", "lease_expires_at"), name="sync_lease"),
            # "When was this platform's last sync of that kind?"
            models.Index(fields=("platform", "kind", "-id"), name="sync_latest"),
            # "What ended in the last days?"
            models.Index(fields=("finished_at",), name="sync_finished"),
            # "How did the syncs of this stream end, day by day?"
            models.Index(fields=("platform", "kind", "finished_at", "status"), name="sync_ended"),
        ]

    def __str__(self) -> str:
        words = {"id": self.pk, "kind": self.get_kind_display(), "platform": self.platform}
        return gettext("#%(id)s %(kind)s of %(platform)s") % words

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN

    @property
    def duration(self) -> timedelta | None:
        """From the first claim to the end, or until now while it is open; None where it never started."""
        if self.started_at is None:
            return None
        return (self.finished_at or timezone.now()) - self.started_at

    @property
    def lane(self) -> "SyncLog.Lane":
        if self.is_incremental:
            return self.Lane.REGULAR
        asked = json.loads(self.asked or "{}") if self.trigger == self.Trigger.LOOK_BACK else {}
        return self.Lane(asked.get("look_back", self.Lane.WINDOW))

    @property
    def is_mock_as_promised(self) -> bool:
        """Mock data stands in since no credentials were stored: as announced, and no problem."""
        return self.status == self.Status.FALLBACK and bool(self.error_code) and not self.credentials_digest

    @property
    def may_run_again(self) -> bool:
        """Whether it ended without what was asked for, and somebody may ask for the same: not for a look-back, which
        the schedule makes up for."""
        if self.trigger == self.Trigger.LOOK_BACK or self.is_mock_as_promised:
            return False
        return self.status in (self.Status.FAILED, self.Status.FALLBACK, self.Status.CANCELLED)

    @staticmethod
    def open_key_for(platform: Platform, kind: str, lane: str = Lane.REGULAR) -> str:
        return SyncLog.open_key_of(platform.pk, kind, lane)

    @staticmethod
    def open_key_of(platform_id: int, kind: str, lane: str = Lane.REGULAR) -> str:
        return f"{platform_id}:{kind}:{lane}" if lane else f"{platform_id}:{kind}"


class SyncTotal(models.Model):
    """How many syncs of a stream ended in this status, and the seconds from their first claim to their end, in all.

    The sync log loses old rows; these sums stay and only grow, as counters of a monitoring system must.
    """

    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="sync_totals")
    kind = models.CharField(max_length=16)
    status = models.CharField(max_length=16)
    syncs = models.PositiveBigIntegerField(default=0)
    seconds = models.FloatField(default=0.0)

    class Meta:
        db_table = "sync_totals"
        default_permissions = ()
        verbose_name = _("total of syncs")
        verbose_name_plural = _("totals of syncs")
        constraints = [
            models.UniqueConstraint(fields=("platform", "kind", "status"), name="one_total_per_status"),
        ]

    def __str__(self) -> str:
        return f"{self.platform_id}:{self.kind}:{self.status}"

    @staticmethod
    def add(log: SyncLog) -> None:
        """Count a sync that is closed. For the transaction that closes it."""
        row: dict[str, Any] = {"platform_id": log.platform_id, "kind": log.kind, "status": log.status}
        seconds = log.duration.total_seconds() if log.duration else 0.0
        added = {"syncs": F("syncs") + 1, "seconds": F("seconds") + max(0.0, seconds)}
        total = SyncTotal.objects.filter(**row)
        if not total.update(**added):
            SyncTotal.objects.bulk_create(
                [SyncTotal(**row)], ignore_conflicts=True
            )  # another sync may make it now
            total.update(**added)


class SyncDay(models.Model):
    """When the syncs of a platform ended on a day (UTC), as lookup/sync_days.py keeps it, "" where none did; and
    whether these are still all."""

    # It has no index of its own: that of the constraint begins with it.
    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    is_counted = models.BooleanField()
    ends = models.TextField()

    class Meta:
        db_table = "sync_days"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=("platform", "day"), name="sync_day_unique_per_platform"),
        ]

    def __str__(self) -> str:
        return f"{self.platform_id} {self.day}"

    @staticmethod
    def mark(log: SyncLog) -> None:
        """A sync is closed. For the transaction that closes it: whoever counts its day waits for the end of that, also
        where the day is marked already."""
        if log.finished_at:
            day = log.finished_at.astimezone(UTC).date()
            SyncDay.objects.filter(platform=log.platform_id, day=day).update(is_counted=False)


class SyncFailureQuerySet(models.QuerySet["SyncFailure"]):
    def open(self) -> "SyncFailureQuerySet":
        """Failures that nobody has replayed or dismissed."""
        return self.filter(resolved_at__isnull=True)

    def settled_by(self, source: str, *, is_in_full: bool = True) -> "SyncFailureQuerySet":
        """Those that storing a record of this source settles: test data says nothing of live data. What a sync could
        not store is out of date in any case; those of backfills are settled where the record is here in full."""
        of_live = models.Q(log__source=Source.LIVE) | models.Q(
            log=None
        )  # audits and backfills are of live data
        settled = self if source == Source.LIVE else self.exclude(of_live)
        return settled if is_in_full else settled.exclude(log=None)


class SyncFailure(models.Model):
    """A record that could not be stored, or not be brought in line with the platform's list of it. A sync met it
    (`log`), or an audit could not heal it (`audit`). `payload` is the platform's answer without personal data."""

    class Resolution(models.TextChoices):
        REPLAYED = "replayed", _("replayed")
        DISMISSED = "dismissed", _("dismissed")

    log = models.ForeignKey(SyncLog, on_delete=models.CASCADE, null=True, blank=True, related_name="failures")
    audit = models.ForeignKey(
        "integrations.OrderAudit", on_delete=models.CASCADE, null=True, blank=True, related_name="failures"
    )
    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="failures")
    kind = models.CharField(_("kind"), max_length=16, choices=stream_choices)
    external_id = ExactCharField(_("record"), max_length=255, blank=True, default="")
    error_code = models.CharField(_("error code"), max_length=64)
    error_message = models.TextField(_("error"))
    payload = models.JSONField(_("payload without personal data"), default=dict, blank=True)
    created_at = models.DateTimeField(_("when"), default=timezone.now)
    resolved_at = models.DateTimeField(_("replayed or dismissed"), null=True, blank=True)
    resolution = models.CharField(
        _("resolution"), max_length=16, choices=Resolution.choices, blank=True, default=""
    )
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("replayed or dismissed by"),
    )

    objects = SyncFailureQuerySet.as_manager()

    class Meta:
        db_table = "sync_failures"
        ordering = ("-id",)
        verbose_name = _("sync failure")
        verbose_name_plural = _("sync failures")
        indexes = [
            # The open failures.
            models.Index(fields=("resolved_at", "-id"), name="failure_unresolved"),
            # "What else is known of this record?"
            models.Index(fields=("platform", "kind", "external_id"), name="failure_record"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.external_id}".strip()

    @property
    def is_open(self) -> bool:
        return self.resolved_at is None

    @property
    def is_of_a_backfill(self) -> bool:
        """No sync met it, and no audit."""
        return self.log_id is None and self.audit_id is None

    @property
    def record(self) -> dict[str, Any]:
        """What finds all failures of the same record."""
        return {"platform": self.platform_id, "kind": self.kind, "external_id": self.external_id}
