"""A sync, a failure, API usage as the API answers them. The schema reads these classes; as_json.py makes the values."""

from typing import Any

from rest_framework import serializers

from integrations.as_json import failure_as_json, sync_as_json
from integrations.models import ApiUsage, SyncFailure, SyncLog


class WindowSerializer(serializers.Serializer[Any]):
    """The span of an orders sync; `since` and `until` are null until the run starts."""

    by = serializers.ChoiceField(SyncLog.WindowBy.choices)
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)


class NoteSerializer(serializers.Serializer[Any]):
    """Something to know about a run that is no error."""

    code = serializers.CharField()
    message = serializers.CharField()


class SyncLogSerializer(serializers.ModelSerializer[SyncLog]):
    """One run for one platform. Times are UTC, by the clock of OMS."""

    # Touches `platform` and `requested_by`: select them along with lists of syncs.
    platform = serializers.SlugRelatedField[Any](slug_field="name", read_only=True)
    platform_id = serializers.IntegerField(read_only=True)
    requested_by = serializers.SlugRelatedField[Any](
        slug_field="username",
        read_only=True,
        allow_null=True,
        help_text="The user name; null: the schedule, or a user that is gone.",
    )
    skus = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="The SKUs asked for; empty: all."
    )
    notes = NoteSerializer(many=True, read_only=True)
    window = WindowSerializer(read_only=True, allow_null=True, help_text="Null for inventory.")
    duration = serializers.FloatField(
        read_only=True,
        allow_null=True,
        help_text="Seconds from the first claim to the end, or until now; null where it never started.",
    )
    pages_expected = serializers.IntegerField(
        read_only=True,
        allow_null=True,
        help_text="About how many pages it will be, judged by earlier runs; null where nothing is known.",
    )
    progress = serializers.CharField(
        read_only=True,
        help_text='For people: "waiting for the channel\'s quota until 14:32 UTC, 12 of about 40 pages".',
    )

    class Meta:
        model = SyncLog
        fields = (
            "id",
            "platform",
            "platform_id",
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

    def to_representation(self, instance: SyncLog) -> dict[str, Any]:
        return sync_as_json(instance)


class SyncFailureSerializer(serializers.ModelSerializer[SyncFailure]):
    """A record that could not be stored, or not be brought in line with the platform's list of it. `sync` is the id of
    the run that met it; or `audit` that of the audit."""

    sync = serializers.IntegerField(source="log_id", read_only=True, allow_null=True)
    audit = serializers.IntegerField(source="audit_id", read_only=True, allow_null=True)
    platform = serializers.SlugRelatedField[Any](slug_field="name", read_only=True)
    platform_id = serializers.IntegerField(read_only=True)
    resolved_by = serializers.SlugRelatedField[Any](
        slug_field="username",
        read_only=True,
        allow_null=True,
        help_text="The user name; null: nobody, or one that is gone.",
    )
    payload = serializers.DictField(
        read_only=True, help_text="What the platform sent, without personal data."
    )

    class Meta:
        model = SyncFailure
        fields = (
            "id",
            "sync",
            "audit",
            "platform",
            "platform_id",
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

    def to_representation(self, instance: SyncFailure) -> dict[str, Any]:
        return failure_as_json(instance)


class ApiUsageSerializer(serializers.ModelSerializer[ApiUsage]):
    """Calls of one operation in an hour. `hour` is when the hour begins; `seconds` were spent in calls."""

    platform = serializers.SlugRelatedField[Any](slug_field="name", read_only=True)
    platform_id = serializers.IntegerField(read_only=True)

    class Meta:
        model = ApiUsage
        fields = (
            "id",
            "platform",
            "platform_id",
            "operation",
            "hour",
            "calls",
            "throttled",
            "errors",
            "seconds",
        )
        read_only_fields = fields
