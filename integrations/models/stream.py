"""StreamState: what is known and chosen of one stream of one platform."""

from datetime import datetime
from typing import Any

from django.db import connection, models
from django.utils.translation import gettext_lazy as _

from core.text import storable
from platforms.models import Platform


class StreamState(models.Model):
    """There is a row once there is something to say: a platform without one has the stream's defaults.

    A row is written by column (`write`): syncs, forms and requests change different ones at the same time.
    """

    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="stream_states")
    stream = models.CharField(max_length=16)  # a name of integrations.sync.streams.STREAMS
    # Minutes between scheduled syncs, 0: only by hand; NULL: nobody chose, the stream's own default.
    interval_minutes = models.PositiveIntegerField(null=True, blank=True)
    # The stream is complete up to here, for exactly this scope (account and marketplaces). A platform that is given
    # another marketplace starts over, since that marketplace's older records were never asked for.
    watermark = models.DateTimeField(null=True, blank=True)
    # While lists make orders known that syncs are too slow to read (completeness/keeping_up): all that changed before
    # `known_until` is here, as lists know it at least, and syncs read on from there; before `skipped_until` they left
    # something to the lists. NULL: the watermark says it all.
    known_until = models.DateTimeField(null=True, blank=True)
    skipped_until = models.DateTimeField(null=True, blank=True)
    watermark_scope = models.CharField(max_length=1024, blank=True, default="")
    # Data sets that the platform refused: {"BUYER": "2026-03-12T14:00:00+00:00"}, the time when they are tried again.
    refused_datasets = models.JSONField(default=dict, blank=True)
    # Parts of the scope (marketplaces) that the platform refused, on their own or all of them: since when, and when
    # each is asked for again, {"A1F83G8C2ARO7P": {"since": "…", "again": "…"}}, and "absent": since when the platform
    # says that the account has nothing there. sync/parts.py has the rules.
    refused_parts = models.JSONField(default=dict, blank=True)
    # Parts that the watermark is not valid for: until when each is complete, {"A1F83G8C2ARO7P": "…"}.
    part_watermarks = models.JSONField(default=dict, blank=True)
    # By part: records without an id that the last complete reading could not read, {"A1PA6795UKMFR9": ["X001", ""]}.
    unreadable_records = models.JSONField(default=dict, blank=True)

    # When the schedule last looked back, with which run, None where that was not needed, and up to when the runs before
    # it had read: {"recent": {"at": "…", "log": 12, "done": "…"}, "far": {…}}. schedule/look_backs.py has the rules.
    look_backs = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "stream_states"
        default_permissions = ()
        verbose_name = _("state of a stream")
        verbose_name_plural = _("states of streams")
        constraints = [
            models.UniqueConstraint(fields=("platform", "stream"), name="one_state_per_stream"),
        ]

    def __str__(self) -> str:
        return f"{self.platform_id}:{self.stream}"

    @classmethod
    def of(cls, platform: Platform, stream: str) -> "StreamState":
        """The stored row, or one that is not stored and says nothing."""
        found = cls.objects.filter(platform=platform.pk, stream=stream).first()
        return found or cls(platform=platform, stream=stream)

    def watermark_of(self, part: str) -> datetime | None:
        """Until when a part of the scope is complete."""
        own = self.part_watermarks.get(part)
        return datetime.fromisoformat(own) if own else self.watermark

    @staticmethod
    def write(platform_id: int, stream: str, **values: Any) -> None:
        """Set these columns alone, in a new row where there is none. Joins the caller's transaction."""
        values = storable(values)
        if StreamState.objects.filter(platform=platform_id, stream=stream).update(**values):
            return
        # One statement, since somebody else may insert the row now: after a refused insert, InnoDB would keep a lock
        # on the row that stops the other's update.
        has_target = connection.features.supports_update_conflicts_with_target
        StreamState.objects.bulk_create(
            [StreamState(platform_id=platform_id, stream=stream, **values)],
            update_conflicts=True,
            update_fields=list(values),
            unique_fields=["platform", "stream"] if has_target else None,
        )
