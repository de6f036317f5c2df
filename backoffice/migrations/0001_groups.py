"""The four groups that users are put into. A group of one of these names that exists already is left as it is."""

from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations

LOOK = (
    "platforms.view_platform",
    "orders.view_order",
    "orders.view_orderitem",
    "inventory.view_inventoryitem",
    "integrations.view_synclog",
    "integrations.view_syncfailure",
    "integrations.view_apiquota",
    "integrations.view_apiusage",
)
OPERATE = (*LOOK, "platforms.sync_platform", "inventory.change_inventoryitem")
MANAGE = (*OPERATE, "platforms.add_platform", "platforms.change_platform", "platforms.delete_platform")
# Without the operator's and manager's rights: who needs both is put into both groups.
SEE_BUYERS = (*LOOK, "orders.view_orderbuyer")

GROUPS = {"Viewer": LOOK, "Operator": OPERATE, "Manager": MANAGE, "Privacy officer": SEE_BUYERS}


def make_groups(apps: Any, schema_editor: Any) -> None:
    _make_permissions(apps, schema_editor.connection.alias)
    permissions = apps.get_model("auth", "Permission").objects
    for name, names in GROUPS.items():
        group, is_new = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        if not is_new:
            continue
        for app, codename in (each.split(".") for each in names):
            group.permissions.add(permissions.get(content_type__app_label=app, codename=codename))


def _make_permissions(apps: Any, database: str) -> None:
    """Django makes them once all migrations are through, which is too late here."""
    for config in apps.get_app_configs():
        config.models_module = True  # the stand-in of a migration has none, and would be passed over
        create_permissions(config, apps=apps, using=database, verbosity=0)
        config.models_module = None


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("platforms", "0003_refused_datasets"),
        ("orders", "0003_products_of_stored_orders"),
        ("inventory", "0002_the_desk"),
        ("integrations", "0004_api_usage"),
    ]

    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
