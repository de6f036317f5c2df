"""Operators and managers pick and pack; viewers may see pick lists."""

from django.db import migrations

from backoffice.migrations._granting import grant

SEE, PACK = "orders.view_picklist", "orders.pack_order"
GRANTS = {"Viewer": (SEE,), "Operator": (SEE, PACK), "Manager": (SEE, PACK)}


class Migration(migrations.Migration):
    dependencies = [("oms", "0009_erasures"), ("orders", "0014_pick_lists")]

    operations = [migrations.RunPython(grant(GRANTS), migrations.RunPython.noop)]
