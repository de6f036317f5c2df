"""REST: what audits and backfills have in common."""

from typing import Any

from rest_framework import serializers

from integrations.models import Job, SyncLog


class AuditWindowSerializer(serializers.Serializer[Any]):
    """The span of time that is audited."""

    start = serializers.DateTimeField()
    end = serializers.DateTimeField()


class AuditCostSerializer(serializers.Serializer[Any]):
    """What an audit took of one operation."""

    calls = serializers.IntegerField()
    seconds = serializers.FloatField()


class JobSerializer(serializers.Serializer[Any]):
    """See integrations.as_json."""

    id = serializers.IntegerField()
    platform = serializers.CharField()
    platform_id = serializers.IntegerField()
    trigger = serializers.ChoiceField(SyncLog.Trigger.choices)
    requested_by = serializers.CharField(
        allow_null=True, help_text="The user name; null: the schedule, a command, or a user that is gone."
    )
    status = serializers.ChoiceField(Job.Status.choices)
    api_calls = serializers.IntegerField()
    quota_seconds = serializers.FloatField()
    calls = serializers.DictField(child=AuditCostSerializer())
    error_code = serializers.CharField()
    error_message = serializers.CharField()
    queued_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    resume_at = serializers.DateTimeField(allow_null=True)
