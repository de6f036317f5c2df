"""What audits of orders found: runs, the days that they are about, and the orders that were not as they should be."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.database.fields import ExactCharField
from integrations.models.sync import SyncLog
from platforms.models import Platform


class OrderAuditQuerySet(models.QuerySet["OrderAudit"]):
    def claimable(self) -> "OrderAuditQuerySet":
        """Those that somebody may work on: queued, waiting until now, or lost by who had them."""
        now = timezone.now()
        status = OrderAudit.Status
        return self.filter(
            Q(status=status.QUEUED)
            | Q(status=status.WAITING, resume_at__lte=now)
            | Q(status=status.RUNNING, lease_expires_at__lt=now)
        )


class OrderAudit(models.Model):
    """One comparison of a platform's lists of orders with what is stored. `open_key` is the platform's id while it is
    open, NULL once it is closed: one is open at a time.

    `parts`: each list, JSON: {"by", "start", "end", "list", "asked_at", "polls", "is_compared"}; where to go on.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        WAITING = "waiting", _("waiting")
        SUCCEEDED = "succeeded", _("succeeded")
        PARTIAL = "partial", _("partly failed")
        FAILED = "failed", _("failed")

    OPEN = (Status.QUEUED, Status.RUNNING, Status.WAITING)

    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="order_audits")
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
    window_start = models.DateTimeField(_("from"))
    window_end = models.DateTimeField(_("to"))
    parts = models.JSONField(default=list, blank=True, editable=False)

    compared = models.PositiveIntegerField(_("compared"), default=0)
    missing = models.PositiveIntegerField(_("missing"), default=0)
    stale = models.PositiveIntegerField(_("stale"), default=0)
    different = models.PositiveIntegerField(_("different"), default=0)
    only_here = models.PositiveIntegerField(_("only here"), default=0)
    unread = models.PositiveIntegerField(_("rows not read"), default=0)
    healed = models.PositiveIntegerField(_("healed"), default=0)
    open = models.PositiveIntegerField(_("open"), default=0)
    api_calls = models.PositiveIntegerField(_("API calls"), default=0)

    error_code = models.CharField(_("error code"), max_length=64, blank=True, default="")
    error_message = models.TextField(_("error"), blank=True, default="")
    notes = models.JSONField(_("notes"), default=list, blank=True)
    queued_at = models.DateTimeField(_("queued"), default=timezone.now)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    resume_at = models.DateTimeField(_("resumes"), null=True, blank=True)
    lease_token = models.CharField(max_length=32, blank=True, default="", editable=False)
    lease_expires_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = OrderAuditQuerySet.as_manager()

    class Meta:
        db_table = "order_audits"
        ordering = ("-id",)
        default_permissions = ("view",)
        verbose_name = _("audit of orders")
        verbose_name_plural = _("audits of orders")
        indexes = [models.Index(fields=("status", "lease_expires_at"), name="order_audit_lease")]

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN


class AuditFinding(models.Model):
    """An order that was not as the list says. `reported` is what the list says of it, to compare it again once it was
    fetched; `differences` are both values of what is different, or the rule that explains why it is here alone."""

    class Kind(models.TextChoices):
        MISSING = "missing", _("missing")
        STALE = "stale", _("stale")
        DIFFERENT = "different", _("different")
        ONLY_HERE = "only_here", _("only here")

    class Outcome(models.TextChoices):
        FOUND = "found", _("not fetched yet")
        HEALED = "healed", _("healed")
        OPEN = "open", _("open")
        KEPT = "kept", _("kept")

    audit = models.ForeignKey(OrderAudit, on_delete=models.CASCADE, related_name="findings")
    external_id = ExactCharField(_("order id"), max_length=128)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    outcome = models.CharField(_("outcome"), max_length=16, choices=Outcome.choices, default=Outcome.FOUND)
    day = models.DateField(_("day"), null=True, blank=True)
    marketplace_id = ExactCharField(_("marketplace"), max_length=32, blank=True, default="")
    reported = models.JSONField(default=dict, blank=True, editable=False)
    differences = models.JSONField(_("differences"), default=list, blank=True)
    error_code = models.CharField(_("error code"), max_length=64, blank=True, default="")
    error_message = models.TextField(_("error"), blank=True, default="")

    class Meta:
        db_table = "audit_findings"
        ordering = ("id",)
        default_permissions = ("view",)
        verbose_name = _("finding of an audit")
        verbose_name_plural = _("findings of audits")
        constraints = [
            models.UniqueConstraint(fields=("audit", "external_id"), name="one_finding_per_order"),
        ]
        indexes = [models.Index(fields=("audit", "outcome"), name="finding_outcome")]

    def __str__(self) -> str:
        return self.external_id


class AuditedDay(models.Model):
    """What is known of the orders that were placed on one day (UTC) in one marketplace ("": none that is known)."""

    class State(models.TextChoices):
        PROVEN = "proven", _("proven")
        HEALED = "healed", _("healed")
        OPEN = "open", _("open")
        NOT_YET = "not_yet", _("not yet")

    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="audited_days")
    day = models.DateField(_("day"))
    marketplace_id = ExactCharField(_("marketplace"), max_length=32, blank=True, default="")
    state = models.CharField(_("state"), max_length=8, choices=State.choices)
    orders = models.PositiveIntegerField(_("orders"), default=0)
    missing = models.PositiveIntegerField(_("missing"), default=0)
    stale = models.PositiveIntegerField(_("stale"), default=0)
    different = models.PositiveIntegerField(_("different"), default=0)
    only_here = models.PositiveIntegerField(_("only here"), default=0)
    healed = models.PositiveIntegerField(_("healed"), default=0)
    open = models.PositiveIntegerField(_("open"), default=0)
    list_id = models.CharField(_("report"), max_length=64, blank=True, default="")
    audit = models.ForeignKey(OrderAudit, on_delete=models.SET_NULL, null=True, related_name="days")
    checked_at = models.DateTimeField(_("checked"))

    class Meta:
        db_table = "audited_days"
        ordering = ("-day", "marketplace_id")
        default_permissions = ("view",)
        verbose_name = _("audited day")
        verbose_name_plural = _("audited days")
        constraints = [
            models.UniqueConstraint(
                fields=("platform", "day", "marketplace_id"), name="one_row_per_audited_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.marketplace_id}".strip()
