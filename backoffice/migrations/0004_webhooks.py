"""Managers may look after webhooks; operators may look at them."""

from django.db import migrations

from backoffice.migrations._granting import grant

SEE = ("webhooks.view_endpoint", "webhooks.view_delivery")
GRANTS = {
    "Viewer": SEE,
    "Operator": SEE,
    "Manager": (*SEE, "webhooks.add_endpoint", "webhooks.change_endpoint", "webhooks.delete_endpoint"),
    "Privacy officer": SEE,
}


class Migration(migrations.Migration):
    dependencies = [("oms", "0003_see_changes"), ("webhooks", "0001_initial")]

    operations = [migrations.RunPython(grant(GRANTS), migrations.RunPython.noop)]
