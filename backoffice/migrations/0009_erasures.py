"""Privacy officers and managers may see the receipts of erasures."""

from django.db import migrations

from backoffice.migrations._granting import grant

GRANTS = dict.fromkeys(("Manager", "Privacy officer"), ("orders.view_erasure",))


class Migration(migrations.Migration):
    dependencies = [("oms", "0008_privacy"), ("orders", "0013_erasures")]

    operations = [migrations.RunPython(grant(GRANTS), migrations.RunPython.noop)]
