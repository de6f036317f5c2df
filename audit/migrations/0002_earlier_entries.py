"""What the admin's own log says goes into the audit: its rows are deleted together with the user who made them."""

import json

from django.db import migrations

AT_ONCE = 1000
NOUNS = {
    "auth.user": "user",
    "auth.group": "group",
    "platforms.platform": "platform",
    "webhooks.endpoint": "webhook",
}
VERBS = {1: "added", 2: "changed", 3: "deleted"}
READ, THRESHOLD = "Read buyer data.", "Threshold: "


def copy_entries(apps, schema_editor):
    AuditEntry = apps.get_model("audit", "AuditEntry")
    rows = apps.get_model("admin", "LogEntry").objects.select_related("user", "content_type").order_by("pk")
    last = 0
    while some := list(rows.filter(pk__gt=last)[:AT_ONCE]):
        last = some[-1].pk
        AuditEntry.objects.bulk_create([AuditEntry(**_values(row)) for row in some])


def _values(row):
    kind = f"{row.content_type.app_label}.{row.content_type.model}" if row.content_type else ""
    message = row.change_message
    action, changes, reason = (
        f"{NOUNS.get(kind, kind or 'object')}.{VERBS.get(row.action_flag, 'changed')}",
        {},
        "",
    )
    if message.startswith(READ):
        action, reason = "buyer_data.read", message.removeprefix(READ).strip().removeprefix("Reason: ")
    elif message.startswith(THRESHOLD):
        action, changes = "threshold.changed", _threshold(message)
    elif message and message != "[]":
        changes = {"message": message}
    return {
        "at": row.action_time,
        "actor": row.user.username[:150],
        "actor_id": row.user_id,
        "door": "admin",  # the log does not say whether it was the API
        "action": action[:64],
        "object_kind": kind[:64],
        "object_id": (row.object_id or "")[:64],
        "object_name": row.object_repr[:255],
        "changes_json": json.dumps(changes, sort_keys=True) if changes else "",
        "reason": reason[:500],
    }


def _threshold(message):
    """`Threshold: none → 5.`"""
    values = message.removeprefix(THRESHOLD).rstrip(".").split(" → ")
    return {
        "threshold": [
            None if value == "none" else int(value) if value.isdecimal() else value for value in values
        ]
    }


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0001_initial"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(copy_entries, migrations.RunPython.noop)]
