"""InventoryItem: the stock of one SKU in one marketplace."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from oms.fields import ExactCharField
from platforms.models import Platform, Source


class InventoryQuerySet(models.QuerySet["InventoryItem"]):
    def business(self) -> "InventoryQuerySet":
        """Live rows that the platform still lists: what may be counted, within one marketplace."""
        return self.filter(source=Source.LIVE, gone_at__isnull=True)

    def low(self) -> "InventoryQuerySet":
        """Listed, and nothing left to sell. What is not known is not low."""
        return self.filter(gone_at__isnull=True, available__lte=0)

    def gone(self) -> "InventoryQuerySet":
        """No longer listed by the platform."""
        return self.filter(gone_at__isnull=False)


class InventoryItem(models.Model):
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="inventory")
    marketplace_id = ExactCharField(_("marketplace"), max_length=32)
    sku = ExactCharField(_("SKU"), max_length=255)
    asin = ExactCharField(_("ASIN"), max_length=32, blank=True, default="")
    fnsku = ExactCharField(_("FNSKU"), max_length=64, blank=True, default="")
    title = models.TextField(_("title"), blank=True, default="")
    condition = models.CharField(_("condition"), max_length=64, blank=True, default="")
    total = models.IntegerField(_("total"), null=True, blank=True)
    available = models.IntegerField(_("available"), null=True, blank=True)
    reserved = models.IntegerField(_("reserved"), null=True, blank=True)
    inbound = models.IntegerField(_("inbound"), null=True, blank=True)
    unfulfillable = models.IntegerField(_("unfulfillable"), null=True, blank=True)
    researching = models.IntegerField(_("researching"), null=True, blank=True)
    source = models.CharField(_("source"), max_length=8, choices=Source.choices)
    platform_updated_at = models.DateTimeField(_("changed on the platform"), null=True, blank=True)
    content_hash = models.CharField(max_length=64, editable=False)
    synced_at = models.DateTimeField(_("stored"))
    gone_at = models.DateTimeField(
        _("gone since"), null=True, blank=True, help_text=_("A complete sweep no longer listed this SKU.")
    )

    objects = InventoryQuerySet.as_manager()

    class Meta:
        db_table = "inventory_items"
        ordering = ("sku", "marketplace_id", "id")
        verbose_name = _("inventory item")
        verbose_name_plural = _("inventory items")
        constraints = [
            models.UniqueConstraint(
                fields=("platform", "marketplace_id", "sku", "fnsku"), name="stock_unique_per_platform"
            ),
        ]
        indexes = [
            # The list and the API's cursor, by SKU.
            models.Index(fields=("sku", "id"), name="stock_sku"),
            models.Index(fields=("asin",), name="stock_asin"),
            # Lowest stock first.
            models.Index(fields=("available",), name="stock_available"),
            models.Index(fields=("source", "platform"), name="stock_source"),
        ]

    def __str__(self) -> str:
        return f"{self.sku} ({self.marketplace_id})"
