"""FetchingJob: what a run remembers that has orders listed, and then fetches each of them in full."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from integrations.models.jobs import Job
from orders.models import Order


class FetchingJob(Job):
    """`parts`: the lists, JSON. `prices`: what orders that are known in full say of a list's prices, by marketplace.
    `unlisted`: ids of orders whose rows did not say enough; they are fetched by these. `place`: where fetching goes on
    (completeness/history/completing.py). `measured`: [time, orders without their details], oldest first.
    """

    FIRST_TO_SHIP: ClassVar[tuple[str, ...]] = ("-purchased_at", "-id")  # the order in which that is fetched

    prices = models.JSONField(default=dict, blank=True, editable=False)
    unlisted = models.JSONField(default=list, blank=True, editable=False)
    place = models.JSONField(default=dict, blank=True, editable=False)
    measured = models.JSONField(default=list, blank=True, editable=False)

    listed = models.PositiveIntegerField(_("orders listed"), default=0)
    created = models.PositiveIntegerField(_("new by a list"), default=0)
    unread = models.PositiveIntegerField(_("rows not read"), default=0)
    completed = models.PositiveIntegerField(_("fetched in full"), default=0)
    failed = models.PositiveIntegerField(_("failed"), default=0)
    # As last counted: orders whose details are to be fetched. NULL: not counted yet.
    lacking = models.PositiveIntegerField(_("known by report alone"), null=True, blank=True)

    class Meta:
        abstract = True

    def without_details(self) -> QuerySet[Order]:
        """The orders that it has to fetch, the newest first. Only what is live comes from lists."""
        raise NotImplementedError

    def purchase_span(self) -> tuple[datetime, datetime]:
        """From when, and until when, these were purchased."""
        raise NotImplementedError
