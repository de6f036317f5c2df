"""A sync, a failure, API usage as JSON: the same keys in the REST API and in what the commands print with --json."""

from typing import Any

from rest_framework import serializers

from integrations.models import ApiUsage, SyncFailure, SyncLog
from integrations.sync.estimates import pages_expected, progress

_time = serializers.DateTimeField()


class SyncLogSerializer(serializers.ModelSerializer[SyncLog]):
    """Read only. Touches `platform` and `requested_by`: select them along with lists of syncs."""

    platform = serializers.SlugRelatedField[Any](slug_field="name", read_only=True)
    requested_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)
    window = serializers.SerializerMethodField()
    duration = serializers.SerializerMethodField()
    pages_expected = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()

    class Meta:
        model = SyncLog
        fields = (
            "id",
            "platform",
            "kind",
            "trigger",
            "requested_by",
            "status",
            "source",
            "window",
            "skus",
            "fetched",
            "created",
            "updated",
            "unchanged",
            "failed",
            "pages",
            "pages_expected",
            "progress",
            "api_calls",
            "throttled",
            "error_code",
            "error_message",
            "request_id",
            "notes",
            "queued_at",
            "started_at",
            "finished_at",
            "resume_at",
            "heartbeat_at",
            "duration",
        )
        read_only_fields = fields

    def get_window(self, log: SyncLog) -> dict[str, str | None] | None:
        """The span of an orders sync; since and until are null until the run starts. Null for inventory."""
        if not log.window_by:
            return None
        since, until = log.window_start, log.window_end
        return {
            "by": log.window_by,
            "since": _time.to_representation(since) if since else None,
            "until": _time.to_representation(until) if until else None,
        }

    def get_duration(self, log: SyncLog) -> float | None:
        """Seconds from the first claim to the end, or until now; null where it never started."""
        return None if log.duration is None else round(log.duration.total_seconds(), 3)

    def get_pages_expected(self, log: SyncLog) -> int | None:
        """About how many pages it will be, judged by earlier runs; null where nothing is known."""
        return pages_expected(log)

    def get_progress(self, log: SyncLog) -> str:
        """Where it stands, for people: "waiting for Amazon's quota until 14:32 UTC, 12 of about 40 pages"."""
        return progress(log)


def sync_log_json(log: SyncLog) -> dict[str, Any]:
    """A sync as a dict that json.dumps takes as it is."""
    return dict(SyncLogSerializer(log).data)


class SyncFailureSerializer(serializers.ModelSerializer[SyncFailure]):
    """Read only. `sync` is the id of the run that met the failure."""

    sync = serializers.IntegerField(source="log_id", read_only=True)
    platform = serializers.SlugRelatedField[Any](slug_field="name", read_only=True)
    resolved_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)

    class Meta:
        model = SyncFailure
        fields = (
            "id",
            "sync",
            "platform",
            "kind",
            "external_id",
            "error_code",
            "error_message",
            "payload",
            "created_at",
            "resolved_at",
            "resolution",
            "resolved_by",
        )
        read_only_fields = fields


def failure_json(failure: SyncFailure) -> dict[str, Any]:
    """A failure as a dict that json.dumps takes as it is."""
    return dict(SyncFailureSerializer(failure).data)


class ApiUsageSerializer(serializers.ModelSerializer[ApiUsage]):
    """Read only. `hour` is when the hour begins; `seconds` were spent in calls."""

    platform = serializers.SlugRelatedField[Any](slug_field="name", read_only=True)

    class Meta:
        model = ApiUsage
        fields = ("id", "platform", "operation", "hour", "calls", "throttled", "errors", "seconds")
        read_only_fields = fields
