"""Events are stored once for all endpoints; deliveries are found by state, event, and order id or SKU."""

import django.utils.timezone
from django.db import migrations, models

import core.database.fields


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("event", models.CharField(max_length=64)),
                ("platform_id", models.BigIntegerField(null=True)),
                ("object_key", models.CharField(max_length=64)),
                ("body", models.TextField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={"db_table": "webhook_events", "ordering": ("id",), "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="EventTurn",
            fields=[("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False))],
            options={"db_table": "webhook_event_turn", "default_permissions": ()},
        ),
        migrations.AddField(
            model_name="endpoint",
            name="event_position",
            field=models.BigIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="delivery",
            name="external_id",
            field=core.database.fields.ExactCharField(
                max_length=255, null=True, verbose_name="order id or SKU"
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["state", "id"], name="webhook_delivery_state"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["event", "id"], name="webhook_delivery_event"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["external_id", "id"], name="webhook_delivery_external"),
        ),
    ]
