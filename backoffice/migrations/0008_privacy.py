"""Privacy officers erase buyer data and set legal holds; managers may see these."""

from django.db import migrations

from backoffice.migrations._granting import grant

HOLDS = tuple(f"orders.{verb}_legalhold" for verb in ("view", "add", "change", "delete"))
GRANTS = {
    "Manager": ("orders.view_legalhold",),
    "Privacy officer": ("orders.delete_orderbuyer", *HOLDS),
}


class Migration(migrations.Migration):
    dependencies = [("oms", "0007_audit"), ("orders", "0011_ends_and_holds")]

    operations = [migrations.RunPython(grant(GRANTS), migrations.RunPython.noop)]
