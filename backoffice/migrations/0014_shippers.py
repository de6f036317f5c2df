"""Shippers, a group of their own, and managers confirm shipments; managers decide what is written at all. Whoever sees
orders sees shipments. A group of the name Shipper that exists already is left as it is."""

from typing import Any

from django.db import migrations

from backoffice.migrations._granting import grant

SEE = ("orders.view_shipment", "integrations.view_outboxentry", "integrations.view_writingpolicy")
SHIP = ("orders.ship_order",)
DECIDE = (
    "integrations.change_writingpolicy",
    "integrations.view_writingstop",
    "integrations.change_writingstop",
)
GRANTS = {
    "Viewer": SEE,
    "Operator": SEE,
    "Privacy officer": SEE,
    "Manager": (*SEE, *SHIP, *DECIDE),
}
SHIPPER = (
    "platforms.view_platform",
    "orders.view_order",
    "orders.view_orderitem",
    "orders.view_picklist",
    "orders.pack_order",
    "orders.add_ordernote",
    "inventory.view_inventoryitem",
    "integrations.view_synclog",
    "integrations.view_syncfailure",
    "integrations.view_apiquota",
    "integrations.view_apiusage",
    *SEE,
    *SHIP,
)


def give(apps: Any, schema_editor: Any) -> None:
    grant(GRANTS)(apps, schema_editor)
    group, is_new = apps.get_model("auth", "Group").objects.get_or_create(name="Shipper")
    if is_new:
        permissions = apps.get_model("auth", "Permission").objects
        for app, codename in (each.split(".") for each in SHIPPER):
            group.permissions.add(permissions.get(content_type__app_label=app, codename=codename))


class Migration(migrations.Migration):
    dependencies = [
        ("oms", "0013_notes"),
        ("orders", "0019_shipments"),
        ("integrations", "0019_shipping"),
    ]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
