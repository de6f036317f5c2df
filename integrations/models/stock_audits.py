"""What audits of stock found: runs, the marketplaces that they are about, and the listings that were not as they should
be."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.database.fields import ExactCharField
from integrations.models.completeness import AuditedDay, AuditFinding
from integrations.models.jobs import Job
from platforms.models import Platform


class StockAudit(Job):
    """One comparison of a platform's lists of stock with what is stored. `open_key` is the platform's id while it is
    open, NULL once it is closed: one is open at a time.

    `parts`: each marketplace, JSON; see completeness/stock/audits.py. `explained`: differences that mean nothing, by
    the name of the rule that knows them.
    """

    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="stock_audits")
    compared = models.PositiveIntegerField(_("compared"), default=0)
    missing = models.PositiveIntegerField(_("missing"), default=0)
    different = models.PositiveIntegerField(_("different"), default=0)
    only_here = models.PositiveIntegerField(_("only here"), default=0)
    unread = models.PositiveIntegerField(_("rows not read"), default=0)
    healed = models.PositiveIntegerField(_("healed"), default=0)
    open = models.PositiveIntegerField(_("open"), default=0)
    explained = models.JSONField(_("explained"), default=dict, blank=True)

    class Meta:
        db_table = "stock_audits"
        ordering = ("-id",)
        default_permissions = ("view",)
        verbose_name = _("audit of stock")
        verbose_name_plural = _("audits of stock")
        indexes = [models.Index(fields=("status", "lease_expires_at"), name="stock_audit_lease")]


class StockFinding(models.Model):
    """A listing that was not as the list of stock says. `reported` and `stored` are the quantities of both sides when
    they were compared; `differences` both values of what is different, or the rule that explains why it is here
    alone."""

    class Kind(models.TextChoices):
        MISSING = "missing", _("missing")
        DIFFERENT = "different", _("different")
        ONLY_HERE = "only_here", _("only here")

    audit = models.ForeignKey(StockAudit, on_delete=models.CASCADE, related_name="findings")
    marketplace_id = ExactCharField(_("marketplace"), max_length=32)
    sku = ExactCharField(_("SKU"), max_length=255)
    fnsku = ExactCharField(_("FNSKU"), max_length=64, blank=True, default="")
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    outcome = models.CharField(
        _("outcome"),
        max_length=16,
        choices=AuditFinding.Outcome.choices,
        default=AuditFinding.Outcome.FOUND,
    )
    reported = models.JSONField(null=True, blank=True, editable=False)
    stored = models.JSONField(null=True, blank=True, editable=False)
    differences = models.JSONField(_("differences"), default=list, blank=True)
    error_code = models.CharField(_("error code"), max_length=64, blank=True, default="")
    error_message = models.TextField(_("error"), blank=True, default="")

    class Meta:
        db_table = "stock_findings"
        ordering = ("id",)
        default_permissions = ("view",)
        verbose_name = _("finding of an audit of stock")
        verbose_name_plural = _("findings of audits of stock")
        constraints = [
            models.UniqueConstraint(
                fields=("audit", "marketplace_id", "sku", "fnsku"), name="one_finding_per_listing"
            ),
        ]
        indexes = [models.Index(fields=("audit", "outcome", "marketplace_id"), name="stock_finding_outcome")]

    def __str__(self) -> str:
        return f"{self.sku} ({self.marketplace_id})"


class AuditedStock(models.Model):
    """What is known of the stock of one marketplace, as its last audit found it. `asked_at`: as of when its list is.
    `error_message`: why it was not compared."""

    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="audited_stock")
    marketplace_id = ExactCharField(_("marketplace"), max_length=32)
    state = models.CharField(_("state"), max_length=8, choices=AuditedDay.State.choices)
    listings = models.PositiveIntegerField(_("listings"), default=0)
    missing = models.PositiveIntegerField(_("missing"), default=0)
    different = models.PositiveIntegerField(_("different"), default=0)
    only_here = models.PositiveIntegerField(_("only here"), default=0)
    healed = models.PositiveIntegerField(_("healed"), default=0)
    open = models.PositiveIntegerField(_("open"), default=0)
    list_id = models.CharField(_("report"), max_length=64, blank=True, default="")
    asked_at = models.DateTimeField(_("as of"), null=True, blank=True)
    error_code = models.CharField(_("error code"), max_length=64, blank=True, default="")
    error_message = models.TextField(_("error"), blank=True, default="")
    audit = models.ForeignKey(StockAudit, on_delete=models.SET_NULL, null=True, related_name="marketplaces")
    checked_at = models.DateTimeField(_("checked"))
    open_since = models.DateTimeField(
        _("open since"), null=True, blank=True
    )  # over all audits that left it so

    class Meta:
        db_table = "audited_stock"
        ordering = ("platform", "marketplace_id")
        default_permissions = ("view",)
        verbose_name = _("audited stock")
        verbose_name_plural = _("audited stock")
        constraints = [
            models.UniqueConstraint(
                fields=("platform", "marketplace_id"), name="one_row_per_audited_marketplace"
            ),
        ]

    def __str__(self) -> str:
        return self.marketplace_id
