"""Whoever may see orders and stock may follow what becomes different in them."""

from django.db import migrations

from backoffice.migrations._granting import grant

GRANTS = dict.fromkeys(("Viewer", "Operator", "Manager", "Privacy officer"), ("feed.view_change",))


class Migration(migrations.Migration):
    dependencies = [("oms", "0002_exports"), ("feed", "0001_initial")]

    operations = [migrations.RunPython(grant(GRANTS), migrations.RunPython.noop)]
