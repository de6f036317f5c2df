"""Views of lists that people save and share, and the columns that they chose."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from backoffice.migrations._granting import grant

GRANTS = dict.fromkeys(("Operator", "Manager"), ("oms.share_savedview",))


class Migration(migrations.Migration):
    dependencies = [
        ("oms", "0011_managers_manage_users"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ListColumns",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("list_name", models.CharField(max_length=64)),
                ("columns", models.JSONField(default=list)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "list_columns",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("user", "list_name"), name="list_columns_unique_per_user")
                ],
            },
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                ("list_name", models.CharField(max_length=64)),
                ("query", models.TextField(blank=True, default="")),
                ("is_shared", models.BooleanField(default=False)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "saved_views",
                "ordering": ("name", "id"),
                "permissions": [("share_savedview", "Can share saved views of lists")],
                "default_permissions": (),
                "indexes": [models.Index(fields=["list_name", "is_shared"], name="saved_view_shared")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("owner", "list_name", "name"), name="saved_view_unique_per_owner"
                    )
                ],
            },
        ),
        migrations.RunPython(grant(GRANTS), migrations.RunPython.noop),
    ]
