"""ApiQuota: how many calls an account may still make. ApiUsage: how many a platform made, hour by hour."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.format import format_datetime
from platforms.models import Platform


class ApiQuota(models.Model):
    """A token bucket that all processes draw from; see token_bucket.py. `rate` and `burst` may be changed with SQL.

    `account_key` is a digest of application and seller, so two platforms of one seller share the row.
    """

    account_key = models.CharField(max_length=64)
    operation = models.CharField(_("operation"), max_length=64)
    rate = models.FloatField(_("calls per second"))
    burst = models.PositiveIntegerField(_("calls at once"))
    tokens = models.FloatField(_("calls left"))
    # Up to when `tokens` counts what was refilled.
    updated_at = models.DateTimeField(_("as of"))

    class Meta:
        db_table = "api_quotas"
        verbose_name = _("API quota")
        verbose_name_plural = _("API quotas")
        constraints = [
            models.UniqueConstraint(fields=("account_key", "operation"), name="one_quota_per_operation"),
        ]

    def __str__(self) -> str:
        return self.operation


class ApiUsage(models.Model):
    """The calls of one platform for one operation in one hour, those of connection checks and of replays included."""

    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="api_usage")
    operation = models.CharField(_("operation"), max_length=64)
    hour = models.DateTimeField(_("hour"))  # its beginning, UTC
    calls = models.PositiveIntegerField(_("calls"), default=0)
    throttled = models.PositiveIntegerField(_("throttled"), default=0)  # answered 429
    errors = models.PositiveIntegerField(_("errors"), default=0)  # everything else that was no result
    seconds = models.FloatField(_("seconds"), default=0.0)  # spent in calls, waits for quota not included

    class Meta:
        db_table = "api_usage"
        ordering = ("-hour", "platform", "operation")
        verbose_name = _("API usage")
        verbose_name_plural = _("API usage")
        constraints = [
            models.UniqueConstraint(fields=("platform", "operation", "hour"), name="one_usage_per_hour"),
        ]
        indexes = [models.Index(fields=("hour",), name="usage_hour")]

    def __str__(self) -> str:
        return f"{self.operation}, {self.platform}, {format_datetime(self.hour)}"
