"""The present password of each user counts as one that he had. Its age begins today: nobody knows when it was set."""

from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import migrations
from django.utils import timezone

BATCH = 500


def keep(apps: Any, schema_editor: Any) -> None:
    alias, now = schema_editor.connection.alias, timezone.now()
    users = apps.get_model(settings.AUTH_USER_MODEL).objects.using(alias).exclude(password="")
    users = users.exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX).values_list("pk", "password")
    record = apps.get_model("access", "PasswordRecord")
    rows = [record(user_id=pk, encoded=encoded, set_at=now) for pk, encoded in users]
    record.objects.using(alias).bulk_create(rows, batch_size=BATCH)


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0007_password_records"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [migrations.RunPython(keep, migrations.RunPython.noop)]
