"""Tables scheduled_exports and scheduled_export_runs."""

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from backoffice.scheduled.calendar import Every, Plan
from core.database.clock import DatabaseNow
from core.zones import zone_named


class ScheduledExportQuerySet(models.QuerySet["ScheduledExport"]):
    def with_last_run(self) -> "ScheduledExportQuerySet":
        """Each with what its last run that has ended says: `last_status` and so on, None where there is none."""
        ended = ScheduledExportRun.objects.filter(export=OuterRef("pk"), open_key=None).order_by("-pk")
        names = ("status", "finished_at", "problem", "detail")
        return self.annotate(**{f"last_{name}": Subquery(ended.values(name)[:1]) for name in names})


class ScheduledExport(models.Model):
    """`file` is the name of an export (`orders`), `query` what the address of its list asks for, `columns` the names
    of its columns (none: all). `next_run_at` is NULL while it is off. `failing_since`: when it first ended badly, and
    not well since; NULL where the last run went well."""

    class Format(models.TextChoices):
        XLSX = "xlsx", "XLSX"
        CSV = "csv", "CSV"
        MACHINE = "machine.csv", _("CSV for programs")

    class To(models.TextChoices):
        EMAIL = "email", _("e-mail")
        FOLDER = "folder", _("folder")
        STORE = "store", _("S3-compatible store")

    name = models.CharField(_("name"), max_length=80, unique=True)
    file = models.CharField(_("what is exported"), max_length=32)
    query = models.TextField(_("filter"), blank=True, default="")
    columns = models.JSONField(_("columns"), default=list, blank=True)
    format = models.CharField(_("format"), max_length=16, choices=Format.choices, default=Format.XLSX)
    language = models.CharField(_("language"), max_length=16, default="en")
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    every = models.CharField(_("how often"), max_length=8, choices=Every.choices, default=Every.DAILY)
    weekday = models.PositiveSmallIntegerField(_("day of the week"), default=0)
    month_day = models.PositiveSmallIntegerField(_("day of the month"), default=1)
    hour = models.PositiveSmallIntegerField(_("hour"), default=6)
    destination = models.CharField(_("where to"), max_length=8, choices=To.choices)
    recipients = models.JSONField(_("e-mail addresses"), default=list, blank=True)
    folder = models.CharField(_("folder"), max_length=200, blank=True, default="")
    file_stem = models.CharField(_("name of the files"), max_length=80, unique=True)
    is_stamped = models.BooleanField(_("with date and time"), default=True)
    skips_empty = models.BooleanField(_("nothing without rows"), default=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("owner"),
    )
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    next_run_at = models.DateTimeField(_("next run"), null=True, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)

    objects = ScheduledExportQuerySet.as_manager()

    class Meta:
        db_table = "scheduled_exports"
        ordering = ("name",)
        verbose_name = _("scheduled export")
        verbose_name_plural = _("scheduled exports")
        permissions = [("manage_scheduledexport", "Can manage the scheduled exports of others")]

    def __str__(self) -> str:
        return self.name

    @property
    def plan(self) -> Plan:
        return Plan(
            every=self.every,
            hour=self.hour,
            weekday=self.weekday,
            month_day=self.month_day,
            zone=zone_named(self.time_zone),
        )


class RunQuerySet(models.QuerySet["ScheduledExportRun"]):
    def claimable(self) -> "RunQuerySet":
        """Those that a worker may begin or go on with: queued, or waiting until now, or lost by who had them."""
        status = ScheduledExportRun.Status
        return self.filter(
            Q(status=status.QUEUED)
            | Q(status=status.WAITING, resume_at__lte=DatabaseNow())
            | Q(status=status.RUNNING, lease_expires_at__lt=DatabaseNow())
        )


class ScheduledExportRun(models.Model):
    """One file of a scheduled export. `planned_at` is its time by the plan, by which days such as yesterday are
    reckoned, however late it is made. `open_key` is the id of the export while the run is open: one is open at a time.

    `problem` is a code of wording.PROBLEMS, `detail` what it is about; `delivered` the addresses that have got it.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        WAITING = "waiting", _("tried again")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")
        REFUSED = "refused", _("not made")

    class Trigger(models.TextChoices):
        SCHEDULE = "schedule", _("schedule")
        BUTTON = "button", _("admin")
        COMMAND = "command", _("command line")

    OPEN = (Status.QUEUED, Status.RUNNING, Status.WAITING)

    export = models.ForeignKey(ScheduledExport, on_delete=models.CASCADE, related_name="runs")
    planned_at = models.DateTimeField()
    trigger = models.CharField(max_length=16, choices=Trigger.choices)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.QUEUED)
    open_key = models.CharField(max_length=32, unique=True, null=True, blank=True, editable=False)
    missed = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    queued_at = models.DateTimeField(default=timezone.now)
    resume_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    lease_token = models.CharField(max_length=32, blank=True, default="", editable=False)
    lease_expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    delivered = models.JSONField(default=list, blank=True)
    file_name = models.CharField(max_length=128, blank=True, default="")
    place = models.CharField(max_length=512, blank=True, default="")
    rows = models.PositiveIntegerField(null=True, blank=True)
    size = models.PositiveBigIntegerField(null=True, blank=True)
    problem = models.CharField(max_length=32, blank=True, default="")
    detail = models.TextField(blank=True, default="")

    objects = RunQuerySet.as_manager()

    class Meta:
        db_table = "scheduled_export_runs"
        ordering = ("-id",)
        default_permissions = ()
        # For queue.py, which looks for what was lost, and for the newest runs of an export.
        indexes = [
            models.Index(fields=("status", "lease_expires_at"), name="export_run_lease"),
            models.Index(fields=("export", "-id"), name="export_run_newest"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN
