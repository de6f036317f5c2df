"""Shipment: a package that the seller hands to a carrier, and how far the platform knows of it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.database.fields import ExactCharField
from orders.models.order import Order, OrderItem
from platforms.models import Platform, Source


class ShipmentQuerySet(models.QuerySet["Shipment"]):
    def unconfirmed(self) -> "ShipmentQuerySet":
        """Those that somebody wants confirmed and that are not: whatever is not proven is among them."""
        return self.filter(is_rehearsal=False, state__in=Shipment.UNCONFIRMED)


class Shipment(models.Model):
    """One package of an order that the seller ships.

    `package_number` is ours and tells the platform which package is meant: it stays the same however often this
    package is sent, and is never given to another package of the order. `content` is what the platform is to know of
    it; `state` is about this content: with a corrected tracking number, a shipment that was confirmed is queued again.
    CONFIRMED: the platform was read and shows this package, with this tracking number and these units. Nothing else
    leads there for live orders; test data never changes, so that of a sandbox or mock order is confirmed once accepted.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        QUEUED = "queued", _("queued")
        SENT = "sent", _("sent")
        CONFIRMED = "confirmed", _("confirmed")
        REJECTED = "rejected", _("rejected")
        UNVERIFIED = "unverified", _("unverified")
        REHEARSED = "rehearsed", _("rehearsed")
        CANCELLED = "cancelled", _("cancelled")

    RESERVING = (State.DRAFT, State.QUEUED, State.SENT, State.UNVERIFIED, State.CONFIRMED)
    UNCONFIRMED = (State.QUEUED, State.SENT, State.REJECTED, State.UNVERIFIED)
    CLOSED = (State.REHEARSED, State.CANCELLED)

    # Neither has an index of its own: that of the constraint, and those below, begin with them.
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="shipments", db_index=False)
    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="shipments", db_index=False)
    package_number = models.PositiveIntegerField(_("package number"), editable=False)
    carrier = models.CharField(_("carrier"), max_length=64, blank=True, default="")  # the platform's code
    carrier_name = models.CharField(_("name of the carrier"), max_length=255, blank=True, default="")
    service = models.CharField(_("shipping service"), max_length=255, blank=True, default="")
    tracking_number = ExactCharField(_("tracking number"), max_length=255, blank=True, default="")
    shipped_at = models.DateTimeField(_("shipped"), null=True, blank=True)  # NULL of a draft

    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.DRAFT)
    source = models.CharField(_("source"), max_length=8, choices=Source.choices)
    # It shows what would be sent, and is never sent.
    is_rehearsal = models.BooleanField(_("rehearsal"), default=False)
    # Somebody said to ship although the buyer asks to cancel.
    despite_cancellation = models.BooleanField(_("despite the buyer's wish to cancel"), default=False)
    # Why it was rejected, is not verified, or was not taken at the last attempt; "" where nothing is wrong.
    error_code = models.CharField(_("error code"), max_length=64, blank=True, default="")
    error_message = models.TextField(_("error"), blank=True, default="")
    request_id = models.CharField(_("request id"), max_length=128, blank=True, default="")
    # How often its content was given to the worker, and when the platform was last called with the present one.
    tries = models.PositiveIntegerField(_("tries"), default=0)
    attempted_at = models.DateTimeField(_("last attempt"), null=True, blank=True)
    # When the platform may first have been told of it, with whatever content; NULL: never.
    told_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Where the same content was sent before, and another one in between: what the platform shows proves something
    # only where the order changed there since.
    proof_after = models.DateTimeField(null=True, blank=True, editable=False)
    # What the platform shows instead, where it shows this package otherwise:
    # {"tracking_number": "…", "lines": {item id: units}}.
    shown = models.JSONField(_("shown by the platform"), default=dict, blank=True)

    made_by = models.CharField(_("made by"), max_length=150, blank=True, default="")
    made_at = models.DateTimeField(_("made"), auto_now_add=True)
    # Of the present content; those that are not reached (again) are NULL.
    queued_at = models.DateTimeField(_("queued"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True)
    rejected_at = models.DateTimeField(_("rejected"), null=True, blank=True)
    unverified_at = models.DateTimeField(_("unverified"), null=True, blank=True)
    cancelled_at = models.DateTimeField(_("cancelled"), null=True, blank=True)
    # Since when the platform shows this package, with whatever content: from then on it counts its units itself.
    visible_at = models.DateTimeField(_("visible on the platform"), null=True, blank=True)
    # When it was last asked for by itself, since no sync had brought it.
    checked_at = models.DateTimeField(_("last check"), null=True, blank=True)

    objects = ShipmentQuerySet.as_manager()

    class Meta:
        db_table = "shipments"
        ordering = ("-id",)
        default_permissions = ("view",)
        permissions = [("ship_order", "Can ship orders and correct shipments")]
        verbose_name = _("shipment")
        verbose_name_plural = _("shipments")
        constraints = [
            models.UniqueConstraint(fields=("order", "package_number"), name="package_number_of_order"),
        ]
        indexes = [
            # The lists, newest first; counts by state; and what has not been seen for long.
            models.Index(fields=("platform", "state", "id"), name="shipment_platform_state"),
            models.Index(fields=("state", "id"), name="shipment_state"),
            models.Index(fields=("tracking_number", "id"), name="shipment_tracking"),
            # The list of shipments by what it filters by, newest first; days are a span of ids.
            models.Index(fields=("platform", "id"), name="shipment_platform"),
            models.Index(fields=("carrier", "id"), name="shipment_carrier"),
            models.Index(fields=("made_at",), name="shipment_made"),
        ]

    def __str__(self) -> str:
        return self.tracking_number or f"#{self.package_number}"

    @property
    def contents(self) -> list[tuple["ShipmentLine", OrderItem | None]]:
        """Its lines, each with the line of the order; None where that is gone. Reads `lines`, and the order's items."""
        items = {item.external_id: item for item in self.order.items.all()}
        return [(line, items.get(line.item_external_id)) for line in self.lines.all()]


class ShipmentLine(models.Model):
    """Units of a line of the order that are in this package. `item_external_id` is the line's id on the platform: what
    was sent stays, whatever becomes of the line (Shipment.contents has both)."""

    # It has no index of its own: that of the constraint begins with it.
    shipment = models.ForeignKey(Shipment, on_delete=models.CASCADE, related_name="lines", db_index=False)
    item_external_id = ExactCharField(_("item id"), max_length=128)
    quantity = models.PositiveIntegerField(_("quantity"))

    class Meta:
        db_table = "shipment_lines"
        ordering = ("id",)
        default_permissions = ()
        verbose_name = _("line of a shipment")
        verbose_name_plural = _("lines of shipments")
        constraints = [
            models.UniqueConstraint(fields=("shipment", "item_external_id"), name="shipment_line_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.item_external_id} × {self.quantity}"
