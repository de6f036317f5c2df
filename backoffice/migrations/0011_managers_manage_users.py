"""Managers add users, and change those who may do less than they (access/invitations.py)."""

from django.db import migrations

from backoffice.migrations._granting import grant

GRANTS = {"Manager": ("auth.view_user", "auth.add_user", "auth.change_user")}


class Migration(migrations.Migration):
    dependencies = [
        ("oms", "0010_pick_lists"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunPython(grant(GRANTS), migrations.RunPython.noop)]
