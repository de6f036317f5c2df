"""The shipping desk: when carriers collect, and who has which order in hand."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from orders.models.order import Order
from platforms.models import Platform


class Collection(models.Model):
    """When a carrier collects the parcels of a platform. Without a row, nobody said."""

    WORKDAYS = "12345"

    platform = models.OneToOneField(
        Platform, on_delete=models.CASCADE, related_name="collection", primary_key=True
    )
    at = models.TimeField(_("collected at"))
    zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    days = models.CharField(_("on"), max_length=7, default=WORKDAYS)  # as of ISO 8601: 1 is Monday

    class Meta:
        db_table = "collections"
        default_permissions = ()
        verbose_name = _("collection of parcels")
        verbose_name_plural = _("collections of parcels")

    def __str__(self) -> str:
        return f"{self.at:%H:%M} {self.zone}"


class DeskClaim(models.Model):
    """An order that somebody has in hand at the shipping desk, until a time: nobody else is offered it meanwhile."""

    order = models.OneToOneField(Order, on_delete=models.CASCADE, related_name="desk_claim", primary_key=True)
    held_by = models.CharField(max_length=150)
    until = models.DateTimeField()

    class Meta:
        db_table = "desk_claims"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.order_id} {self.held_by}"
