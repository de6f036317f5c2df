"""Exports that are made by themselves; operators have their own, managers those of others as well."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from backoffice.migrations._granting import grant

OWN = tuple(f"oms.{verb}_scheduledexport" for verb in ("view", "add", "change", "delete"))
GRANTS = {"Operator": OWN, "Manager": (*OWN, "oms.manage_scheduledexport")}


class Migration(migrations.Migration):
    dependencies = [
        ("oms", "0014_shippers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ScheduledExport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=80, unique=True, verbose_name="name")),
                ("file", models.CharField(max_length=32, verbose_name="what is exported")),
                ("query", models.TextField(blank=True, default="", verbose_name="filter")),
                ("columns", models.JSONField(blank=True, default=list, verbose_name="columns")),
                (
                    "format",
                    models.CharField(
                        choices=[("xlsx", "XLSX"), ("csv", "CSV"), ("machine.csv", "CSV for programs")],
                        default="xlsx",
                        max_length=16,
                        verbose_name="format",
                    ),
                ),
                ("language", models.CharField(default="en", max_length=16, verbose_name="language")),
                ("time_zone", models.CharField(default="UTC", max_length=64, verbose_name="time zone")),
                (
                    "every",
                    models.CharField(
                        choices=[
                            ("daily", "every day"),
                            ("weekly", "every week"),
                            ("monthly", "every month"),
                        ],
                        default="daily",
                        max_length=8,
                        verbose_name="how often",
                    ),
                ),
                ("weekday", models.PositiveSmallIntegerField(default=0, verbose_name="day of the week")),
                ("month_day", models.PositiveSmallIntegerField(default=1, verbose_name="day of the month")),
                ("hour", models.PositiveSmallIntegerField(default=6, verbose_name="hour")),
                (
                    "destination",
                    models.CharField(
                        choices=[("email", "e-mail"), ("folder", "folder"), ("store", "S3-compatible store")],
                        max_length=8,
                        verbose_name="where to",
                    ),
                ),
                ("recipients", models.JSONField(blank=True, default=list, verbose_name="e-mail addresses")),
                ("folder", models.CharField(blank=True, default="", max_length=200, verbose_name="folder")),
                ("file_stem", models.CharField(max_length=80, unique=True, verbose_name="name of the files")),
                ("is_stamped", models.BooleanField(default=True, verbose_name="with date and time")),
                ("skips_empty", models.BooleanField(default=False, verbose_name="nothing without rows")),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="created"),
                ),
                ("next_run_at", models.DateTimeField(blank=True, null=True, verbose_name="next run")),
                ("failing_since", models.DateTimeField(blank=True, null=True)),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
            ],
            options={
                "verbose_name": "scheduled export",
                "verbose_name_plural": "scheduled exports",
                "db_table": "scheduled_exports",
                "ordering": ("name",),
                "permissions": [("manage_scheduledexport", "Can manage the scheduled exports of others")],
            },
        ),
        migrations.CreateModel(
            name="ScheduledExportRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("planned_at", models.DateTimeField()),
                (
                    "trigger",
                    models.CharField(
                        choices=[("schedule", "schedule"), ("button", "admin"), ("command", "command line")],
                        max_length=16,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "queued"),
                            ("running", "running"),
                            ("waiting", "tried again"),
                            ("succeeded", "succeeded"),
                            ("failed", "failed"),
                            ("refused", "not made"),
                        ],
                        default="queued",
                        max_length=16,
                    ),
                ),
                (
                    "open_key",
                    models.CharField(blank=True, editable=False, max_length=32, null=True, unique=True),
                ),
                ("missed", models.PositiveIntegerField(default=0)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("queued_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("resume_at", models.DateTimeField(blank=True, null=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("lease_token", models.CharField(blank=True, default="", editable=False, max_length=32)),
                ("lease_expires_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("delivered", models.JSONField(blank=True, default=list)),
                ("file_name", models.CharField(blank=True, default="", max_length=128)),
                ("place", models.CharField(blank=True, default="", max_length=512)),
                ("rows", models.PositiveIntegerField(blank=True, null=True)),
                ("size", models.PositiveBigIntegerField(blank=True, null=True)),
                ("problem", models.CharField(blank=True, default="", max_length=32)),
                ("detail", models.TextField(blank=True, default="")),
                (
                    "export",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="runs",
                        to="oms.scheduledexport",
                    ),
                ),
            ],
            options={
                "db_table": "scheduled_export_runs",
                "ordering": ("-id",),
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="scheduledexport",
            name="last_run",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="oms.scheduledexportrun",
            ),
        ),
        migrations.AddIndex(
            model_name="scheduledexportrun",
            index=models.Index(fields=["status", "lease_expires_at"], name="export_run_lease"),
        ),
        migrations.AddIndex(
            model_name="scheduledexportrun",
            index=models.Index(fields=["export", "-id"], name="export_run_newest"),
        ),
        migrations.RunPython(grant(GRANTS), migrations.RunPython.noop),
    ]
