"""Backfill: one run that brings the orders of months that were never read."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from integrations.models.fetching import FetchingJob
from orders.models import Order
from platforms.models import Platform


class Backfill(FetchingJob):
    """The orders that were placed in one span of time: first all as the platform's lists know them, then each in full.
    `open_key` is the platform's id while it is open: one is at a time.

    `parts`: each list, JSON: {"start", "end", "sites", "list", "asked_at", "again_at", "polls", "tries", "is_made",
    "is_stored", "orders", "error"}.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        WAITING = "waiting", _("waiting")
        PAUSED = "paused", _("paused")
        SUCCEEDED = "succeeded", _("succeeded")
        PARTIAL = "partial", _("partly failed")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    class Phase(models.TextChoices):
        LISTING = "listing", _("listing")
        COMPLETING = "completing", _("completing")

    OPEN: ClassVar[tuple[str, ...]] = (Status.QUEUED, Status.RUNNING, Status.WAITING, Status.PAUSED)

    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="backfills")
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.QUEUED)
    window_start = models.DateTimeField(_("from"))
    window_end = models.DateTimeField(_("to"))
    phase = models.CharField(_("phase"), max_length=16, choices=Phase.choices, default=Phase.LISTING)
    listed_at = models.DateTimeField(_("all listed"), null=True, blank=True)

    class Meta:
        db_table = "backfills"
        ordering = ("-id",)
        default_permissions = ("view",)
        verbose_name = _("backfill of orders")
        verbose_name_plural = _("backfills of orders")
        indexes = [models.Index(fields=("status", "lease_expires_at"), name="backfill_lease")]

    def without_details(self) -> QuerySet[Order]:
        start, end = self.purchase_span()
        return Order.objects.filter(
            platform=self.platform_id,
            completeness__in=Order.WITHOUT_DETAILS,
            purchased_at__gte=start,
            purchased_at__lt=end,
        ).order_by("-purchased_at", "-id")

    def purchase_span(self) -> tuple[datetime, datetime]:
        return self.window_start, self.window_end
