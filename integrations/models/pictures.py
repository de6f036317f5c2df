"""Pictures of products, fetched once, and whose turn it is to be asked for more."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.database.fields import ExactCharField
from platforms.models import Platform


class ProductPictureQuerySet(models.QuerySet["ProductPicture"]):
    def settled(self, now: datetime) -> "ProductPictureQuerySet":
        """Products of which nothing is to be asked, at least not yet."""
        return self.filter(Q(ask_again_at=None) | Q(ask_again_at__gt=now))


class ProductPicture(models.Model):
    """What is known of the picture of one product of a platform, under the product's id there: the picture itself, that
    there is none, or why it could not be had.

    `image` is a small JPEG that was made here of what the platform gave; nothing that came from outside is in it.
    """

    class State(models.TextChoices):
        KNOWN = "known"
        NONE = "none"
        FAILED = "failed"

    # It has no index of its own: that of the constraint begins with it.
    platform = models.ForeignKey(
        Platform, on_delete=models.CASCADE, related_name="product_pictures", db_index=False
    )
    asin = ExactCharField(max_length=32)
    state = models.CharField(max_length=8, choices=State.choices)
    reason = models.CharField(max_length=500, blank=True, default="")
    url = models.CharField(max_length=1000, blank=True, default="")
    image = models.BinaryField(default=b"")
    asked_at = models.DateTimeField(default=timezone.now)
    ask_again_at = models.DateTimeField(null=True, blank=True)  # None: never

    objects = ProductPictureQuerySet.as_manager()

    class Meta:
        db_table = "product_pictures"
        ordering = ("id",)
        default_permissions = ()
        verbose_name = _("picture of a product")
        verbose_name_plural = _("pictures of products")
        constraints = [
            models.UniqueConstraint(fields=("platform", "asin"), name="one_picture_per_product"),
        ]

    def __str__(self) -> str:
        return self.asin


class PictureTurn(models.Model):
    """Which platform is asked for pictures next, and why it is not asked now.

    `busy_until`: a worker is at it. A second one at the same time would do no harm, only work that is done already.
    """

    platform = models.OneToOneField(
        Platform, on_delete=models.CASCADE, related_name="picture_turn", primary_key=True
    )
    next_at = models.DateTimeField(default=timezone.now)
    busy_until = models.DateTimeField(null=True, blank=True)
    announced_at = models.DateTimeField(null=True, blank=True)  # to the workers, by the scheduler
    # Marketplaces whose pictures the platform denies, each with when it is asked again: {"A1PA6795UKMFR9": "2026-…"}.
    refused_sites = models.JSONField(default=dict, blank=True)
    # What stands in the way; "" where nothing does.
    problem_code = models.CharField(max_length=64, blank=True, default="")
    problem_message = models.TextField(blank=True, default="")
    problem_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "picture_turns"
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.platform_id)
