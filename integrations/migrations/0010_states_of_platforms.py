"""What `platforms` says of its two streams moves into rows of `stream_states`; platforms/0006 removes the columns.

It stands alone, so that a database whose schema changes are not undone (MySQL) can repeat it after a stop half way.
"""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def move(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    # By column: the credentials stay unread.
    rows = apps.get_model("platforms", "Platform").objects.values(
        "pk",
        "orders_interval",
        "inventory_interval",
        "orders_watermark",
        "orders_watermark_scope",
        "refused_datasets",
    )
    state = apps.get_model("integrations", "StreamState")
    states = []
    for row in rows:
        orders = {
            "interval_minutes": row["orders_interval"],
            "watermark": row["orders_watermark"],
            "watermark_scope": row["orders_watermark_scope"],
            "refused_datasets": row["refused_datasets"],
        }
        states.append(state(platform_id=row["pk"], stream="orders", **orders))
        inventory = {"interval_minutes": row["inventory_interval"]}
        states.append(state(platform_id=row["pk"], stream="inventory", **inventory))
    state.objects.bulk_create(states, ignore_conflicts=True, batch_size=100)


def move_back(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """States of other streams have no columns to go to, and are lost with their table."""
    platforms = apps.get_model("platforms", "Platform").objects
    for state in apps.get_model("integrations", "StreamState").objects.all():
        values = {}
        if state.interval_minutes is not None:
            values[f"{state.stream}_interval"] = state.interval_minutes
        if state.stream == "orders":
            values |= {
                "orders_watermark": state.watermark,
                "orders_watermark_scope": state.watermark_scope,
                "refused_datasets": state.refused_datasets,
            }
        if values and state.stream in ("orders", "inventory"):
            platforms.filter(pk=state.platform_id).update(**values)


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0009_stream_state"),
        ("platforms", "0004_credentials_set_at"),
    ]

    operations = [migrations.RunPython(move, move_back)]
