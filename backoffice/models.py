"""What the admin itself stores. ExportRun: who exported which list, how far it got, and whether it came to its end.

SavedView, ListColumns: what readers keep of a list (backoffice/lists/).

ScheduledExport and ScheduledExportRun are those of backoffice/scheduled/.

AlertState, AlertSubscription and AlertMessage are those of backoffice/alerts/: what people are told of, and who is.
"""

from django.conf import settings
from django.db import models
from django.utils import timezone

from backoffice.scheduled.models import ScheduledExport, ScheduledExportRun

__all__ = ["ScheduledExport", "ScheduledExportRun"]


class ExportRun(models.Model):
    """`token` is made up by the page that asks how far it got; it is nobody's secret, and only its user may ask."""

    token = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    file_name = models.CharField(max_length=128)
    query = models.TextField(blank=True, default="")
    rows = models.PositiveIntegerField(default=0)
    rows_done = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    failed = models.BooleanField(default=False)

    class Meta:
        db_table = "export_runs"

    def __str__(self) -> str:
        return f"{self.file_name}: {self.rows_done} of {self.rows}"


class AlertState(models.Model):
    """A condition that somebody is told of: since when it is seen, when it began and was over for those who are told.

    `began_at` is NULL until it has lasted; `gone_at` is when it was first not seen any more; `over_at` is NULL until it
    was gone for long enough. `level` is the highest that was told; `spells`: how often it began within a day.

    For what grows while it lasts (backoffice/alerts/growth.py): `told_at` is when people were last told, or could have
    been; `told_count` is how many there were then, `told_change` the last change of the feed that was read, and `named`
    has the ids of stock rows that were named, by day.
    """

    key = models.CharField(max_length=160, unique=True)
    kind = models.CharField(max_length=32)
    platform = models.ForeignKey("platforms.Platform", on_delete=models.CASCADE, null=True, related_name="+")
    level = models.PositiveIntegerField(default=0)
    spells = models.PositiveIntegerField(default=0)
    seen_at = models.DateTimeField(default=timezone.now)
    began_at = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True)
    over_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    told_count = models.PositiveIntegerField(null=True)
    told_change = models.BigIntegerField(null=True)
    named = models.JSONField(null=True)

    class Meta:
        db_table = "alert_states"
        default_permissions = ()

    def __str__(self) -> str:
        return self.key

    @property
    def is_on(self) -> bool:
        """Whether people were told that it began, and not yet that it is over."""
        return self.began_at is not None and self.over_at is None


class AlertSubscription(models.Model):
    """What one user is told of. An empty list stands for all; nobody is told of what he may not see."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="alert_subscription"
    )
    by_email = models.BooleanField(default=False)
    kinds = models.JSONField(default=list, blank=True)
    platform_ids = models.JSONField(default=list, blank=True)
    digest = models.BooleanField(default=True)
    digest_hour = models.PositiveSmallIntegerField(default=8)  # in `time_zone`
    digest_on = models.DateField(null=True)  # the day of the newest one
    language = models.CharField(max_length=16, default="en")
    time_zone = models.CharField(max_length=64, default="UTC")

    class Meta:
        db_table = "alert_subscriptions"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.user_id}"


class AlertMessageQuerySet(models.QuerySet["AlertMessage"]):
    def unsent(self) -> "AlertMessageQuerySet":
        """Those that could not be sent so far, or were given up."""
        return self.filter(sent_at=None, attempts__gt=0).exclude(problem="")


class AlertMessage(models.Model):
    """An e-mail to one user: written when it is due, sent by whoever claims it. `next_at` is NULL once it is sent or
    given up."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    message_id = models.CharField(max_length=64, unique=True)
    subject = models.CharField(max_length=255)
    body = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    next_at = models.DateTimeField(null=True, default=timezone.now, db_index=True)
    attempts = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=64, blank=True, default="")

    objects = AlertMessageQuerySet.as_manager()

    class Meta:
        db_table = "alert_messages"
        default_permissions = ()

    def __str__(self) -> str:
        return self.message_id


class SavedView(models.Model):
    """What the address of a list asks for, under a name. `list_name` is the model's label, such as "orders.order"."""

    name = models.CharField(max_length=80)
    list_name = models.CharField(max_length=64)
    query = models.TextField(blank=True, default="")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    is_shared = models.BooleanField(default=False)

    class Meta:
        db_table = "saved_views"
        default_permissions = ()
        permissions = [("share_savedview", "Can share saved views of lists")]
        ordering = ("name", "id")
        constraints = [
            models.UniqueConstraint(
                fields=("owner", "list_name", "name"), name="saved_view_unique_per_owner"
            ),
        ]
        indexes = [models.Index(fields=("list_name", "is_shared"), name="saved_view_shared")]

    def __str__(self) -> str:
        return self.name


class ListColumns(models.Model):
    """The columns of a list that one user chose, by name. No row: those that the list has by itself."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    list_name = models.CharField(max_length=64)
    columns = models.JSONField(default=list)

    class Meta:
        db_table = "list_columns"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=("user", "list_name"), name="list_columns_unique_per_user"),
        ]

    def __str__(self) -> str:
        return self.list_name
