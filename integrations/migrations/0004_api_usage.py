import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0003_api_quotas"),
        ("platforms", "0003_refused_datasets"),
    ]

    operations = [
        migrations.CreateModel(
            name="SchedulerLease",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=32, unique=True)),
                ("holder", models.CharField(blank=True, default="", max_length=255)),
                ("token", models.CharField(blank=True, default="", max_length=32)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "scheduler_leases",
            },
        ),
        migrations.AddField(
            model_name="synclog",
            name="credentials_digest",
            field=models.CharField(blank=True, default="", editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="synclog",
            name="pages_expected",
            field=models.PositiveIntegerField(blank=True, null=True, verbose_name="pages expected"),
        ),
        migrations.CreateModel(
            name="ApiUsage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("operation", models.CharField(max_length=64, verbose_name="operation")),
                ("hour", models.DateTimeField(verbose_name="hour")),
                ("calls", models.PositiveIntegerField(default=0, verbose_name="calls")),
                ("throttled", models.PositiveIntegerField(default=0, verbose_name="throttled")),
                ("errors", models.PositiveIntegerField(default=0, verbose_name="errors")),
                ("seconds", models.FloatField(default=0.0, verbose_name="seconds")),
                (
                    "platform",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_usage",
                        to="platforms.platform",
                    ),
                ),
            ],
            options={
                "verbose_name": "API usage",
                "verbose_name_plural": "API usage",
                "db_table": "api_usage",
                "ordering": ("-hour", "platform", "operation"),
                "indexes": [models.Index(fields=["hour"], name="usage_hour")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("platform", "operation", "hour"), name="one_usage_per_hour"
                    )
                ],
            },
        ),
    ]
