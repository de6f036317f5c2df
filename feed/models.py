"""Change: one row for each thing that became different. FeedPosition: how far the feed is numbered and kept."""

from collections.abc import Mapping
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.database.fields import ExactCharField


class Change(models.Model):
    """What became different, and in what; neither the values, nor personal data.

    Written in the transaction that made it different (feed/recording.py), still without a `sequence`: a transaction
    that began early may commit late. It is numbered once it is committed (feed/reading.py). Rows of other apps are
    named by id, since this app stands below them; a row outlives what it speaks of.
    """

    class Kind(models.TextChoices):
        ORDER_CREATED = "order.created", _("order created")
        ORDER_UPDATED = "order.updated", _("order changed")
        ORDER_DELETED = "order.deleted", _("order deleted")
        STOCK_CREATED = "stock.created", _("stock row created")
        STOCK_UPDATED = "stock.updated", _("stock changed")
        STOCK_GONE = "stock.gone", _("SKU no longer listed")
        STOCK_LOW = "stock.low", _("stock low")
        STOCK_DELETED = "stock.deleted", _("stock row deleted")
        FAILURE_OPENED = "failure.opened", _("failure opened")
        FAILURE_RESOLVED = "failure.resolved", _("failure resolved")
        SYNC_CLOSED = "sync.closed", _("sync closed")
        PLATFORM_CHANGED = "platform.changed", _("platform changed")
        SHIPMENT_CHANGED = "shipment.changed", _("shipment changed")

    # NULL until it is numbered. Without gaps, in an order that no reader can jump over.
    sequence = models.BigIntegerField(null=True, unique=True)
    at = models.DateTimeField(_("when"))
    kind = models.CharField(_("kind"), max_length=32, choices=Kind.choices)
    platform_id = models.BigIntegerField(_("platform"))
    object_id = models.BigIntegerField()  # of the order, stock row, failure, sync, platform or shipment
    external_id = ExactCharField(
        max_length=255, blank=True, default=""
    )  # order id, SKU, name of the platform
    # Names of fields as the API has them, joined with commas: a column of JSON costs a check of each row.
    field_names = models.CharField(max_length=1024, blank=True, default="")

    class Meta:
        db_table = "changes"
        ordering = ("sequence",)
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.sequence} {self.kind} {self.external_id}"

    def as_data(self, platform_names: Mapping[int, str]) -> dict[str, Any]:
        """As GET /changes and webhooks give it. The name of a platform that was deleted is empty."""
        return {
            "sequence": self.sequence,
            "at": self.at,
            "kind": self.kind,
            "platform": platform_names.get(self.platform_id, ""),
            "platform_id": self.platform_id,
            "id": self.object_id,
            "external_id": self.external_id,
            "fields": self.fields,
        }

    @property
    def fields(self) -> list[str]:
        return self.field_names.split(",") if self.field_names else []


class FeedPosition(models.Model):
    """One row. Whoever numbers changes holds its lock until the numbers are committed."""

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    last = models.BigIntegerField(default=0)  # the highest sequence given so far
    pruned_through = models.BigIntegerField(default=0)  # changes up to here are deleted

    class Meta:
        db_table = "feed_position"
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.last)
