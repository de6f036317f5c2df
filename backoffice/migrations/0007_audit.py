"""Managers and privacy officers may see the audit."""

from django.db import migrations

from backoffice.migrations._granting import grant

GRANTS = dict.fromkeys(("Manager", "Privacy officer"), ("audit.view_auditentry",))


class Migration(migrations.Migration):
    dependencies = [("oms", "0006_what_grows"), ("audit", "0002_earlier_entries")]

    operations = [migrations.RunPython(grant(GRANTS), migrations.RunPython.noop)]
