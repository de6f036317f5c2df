"""Operators and managers write notes of orders, put tags on them and share them out."""

from django.db import migrations

from backoffice.migrations._granting import grant

NOTE = "orders.add_ordernote"
GRANTS = {"Operator": (NOTE,), "Manager": (NOTE,)}


class Migration(migrations.Migration):
    dependencies = [("oms", "0012_lists"), ("orders", "0017_teamwork")]

    operations = [migrations.RunPython(grant(GRANTS), migrations.RunPython.noop)]
