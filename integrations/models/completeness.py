"""What audits of orders found: runs, the days that they are about, and the orders that were not as they should be."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.database.fields import ExactCharField
from integrations.models.jobs import Job
from integrations.models.sync import SyncFailure
from platforms.models import Platform


class OrderAudit(Job):
    """One comparison of a platform's lists of orders with what is stored. `open_key` is the platform's id while it is
    open, NULL once it is closed: one is open at a time.

    `parts`: each list, JSON: {"by", "start", "end", "list", "asked_at", "polls", "is_compared"}; where to go on.
    """

    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="order_audits")
    window_start = models.DateTimeField(_("from"))
    window_end = models.DateTimeField(_("to"))

    compared = models.PositiveIntegerField(_("compared"), default=0)
    missing = models.PositiveIntegerField(_("missing"), default=0)
    stale = models.PositiveIntegerField(_("stale"), default=0)
    different = models.PositiveIntegerField(_("different"), default=0)
    only_here = models.PositiveIntegerField(_("only here"), default=0)
    unread = models.PositiveIntegerField(_("rows not read"), default=0)
    healed = models.PositiveIntegerField(_("healed"), default=0)
    open = models.PositiveIntegerField(_("open"), default=0)

    class Meta:
        db_table = "order_audits"
        ordering = ("-id",)
        default_permissions = ("view",)
        verbose_name = _("audit of orders")
        verbose_name_plural = _("audits of orders")
        indexes = [models.Index(fields=("status", "lease_expires_at"), name="order_audit_lease")]


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
    settled_at = models.DateTimeField(_("since"), null=True, blank=True)  # that the outcome is so
    # What people see of one that stays open, and may replay or dismiss; of several audits, the same.
    failure = models.ForeignKey(
        SyncFailure, on_delete=models.SET_NULL, null=True, blank=True, related_name="findings"
    )

    class Meta:
        db_table = "audit_findings"
        ordering = ("id",)
        default_permissions = ("view",)
        verbose_name = _("finding of an audit")
        verbose_name_plural = _("findings of audits")
        constraints = [
            models.UniqueConstraint(fields=("audit", "external_id"), name="one_finding_per_order"),
        ]
        indexes = [
            models.Index(fields=("audit", "outcome"), name="finding_outcome"),
            # "What did audits find of this order?"
            models.Index(fields=("external_id",), name="finding_order"),
            # The page of a day.
            models.Index(fields=("audit", "day", "marketplace_id"), name="finding_day"),
        ]

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
    open_since = models.DateTimeField(
        _("open since"), null=True, blank=True
    )  # over all audits that left it so

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


class OrderProof(models.Model):
    """How far a platform's orders are proven complete, for pages that show many platforms: what completeness/proof.py
    finds in its audited days. `since` and `until`: the first and the last of the days, without a gap, that are proven
    or healed in all marketplaces; None where there is none. No row: never audited."""

    platform = models.OneToOneField(Platform, on_delete=models.CASCADE, related_name="order_proof")
    since = models.DateField(null=True)
    until = models.DateField(null=True)
    open_days = models.PositiveIntegerField(default=0)
    audited_at = models.DateTimeField()

    class Meta:
        db_table = "order_proofs"
        default_permissions = ()
        verbose_name = _("proof of orders")
        verbose_name_plural = _("proofs of orders")

    def __str__(self) -> str:
        return f"{self.since} – {self.until}"
