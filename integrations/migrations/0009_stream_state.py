import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0008_syncs_that_wait"),
        ("platforms", "0004_credentials_set_at"),
    ]

    operations = [
        migrations.CreateModel(
            name="StreamState",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("stream", models.CharField(max_length=16)),
                ("interval_minutes", models.PositiveIntegerField(blank=True, null=True)),
                ("watermark", models.DateTimeField(blank=True, null=True)),
                ("watermark_scope", models.CharField(blank=True, default="", max_length=1024)),
                ("refused_datasets", models.JSONField(blank=True, default=dict)),
                (
                    "platform",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="stream_states",
                        to="platforms.platform",
                    ),
                ),
            ],
            options={
                "verbose_name": "state of a stream",
                "verbose_name_plural": "states of streams",
                "db_table": "stream_states",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("platform", "stream"), name="one_state_per_stream")
                ],
            },
        ),
    ]
