"""CatchUp: one run that keeps the orders of a busy account known while its syncs are behind."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integrations.models.fetching import FetchingJob
from orders.models import Order
from platforms.models import Platform

FURTHEST = timedelta(days=730)  # no platform lists an order that is older


class CatchUp(FetchingJob):
    """From `window_start` on, orders were not read in time: lists make them known, and each is fetched in full.
    `open_key` is the platform's id while it is open.

    `known_until`: all that changed before is here, as lists know it at least. `settled_until`: the same for certain,
    since lists that were made long enough after it had it. `longest_unknown`: the most seconds that passed from a
    change until a list had it here. `parts`: the last lists, JSON: {"by", "start", "end", "sites", "list", "asked_at",
    "again_at", "polls", "is_ahead", "reaches_back", "is_stored", "orders"}; several may be made at the same time.
    `by`: "updated", also where there is none, or "created": the list is by order date, and moves no mark.
    `is_ahead`: syncs were behind, so they read on from its end; otherwise it is to settle what they skipped before.
    `reaches_back`: it begins where lists are settled, and not where they are known to end.
    """

    FIRST_TO_SHIP: ClassVar[tuple[str, ...]] = ("purchased_at", "id")  # has waited the longest

    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="catch_ups")
    window_start = models.DateTimeField(_("since"))
    known_until = models.DateTimeField(_("known until"), null=True, blank=True)
    settled_until = models.DateTimeField(null=True, blank=True, editable=False)
    lists = models.PositiveIntegerField(_("lists"), default=0)
    changed = models.PositiveIntegerField(_("newer by a list"), default=0)
    longest_unknown = models.PositiveIntegerField(_("longest until known, in seconds"), null=True, blank=True)

    class Meta:
        db_table = "catch_ups"
        ordering = ("-id",)
        default_permissions = ("view",)
        verbose_name = _("catch-up of orders")
        verbose_name_plural = _("catch-ups of orders")
        indexes = [models.Index(fields=("status", "lease_expires_at"), name="catch_up_lease")]

    def without_details(self) -> QuerySet[Order]:
        return Order.objects.filter(
            platform=self.platform_id,
            completeness__in=Order.WITHOUT_DETAILS,
            platform_updated_at__gte=self.window_start,
        ).order_by("-purchased_at", "-id")

    def purchase_span(self) -> tuple[datetime, datetime]:
        now = timezone.now().replace(microsecond=0)
        return now - FURTHEST, now
