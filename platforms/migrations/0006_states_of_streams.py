from django.db import migrations

MOVED = (
    "orders_interval", "inventory_interval", "orders_watermark", "orders_watermark_scope", "refused_datasets",
)  # fmt: skip


class Migration(migrations.Migration):
    """They are rows of `stream_states` since integrations/0010."""

    dependencies = [
        ("platforms", "0005_kind_without_choices"),
        ("integrations", "0010_states_of_platforms"),
    ]

    operations = [migrations.RemoveField(model_name="platform", name=name) for name in MOVED]
