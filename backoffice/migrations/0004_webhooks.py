"""Managers may look after webhooks; operators may look at them."""

from importlib import import_module
from typing import Any

from django.db import migrations

SEE = ("webhooks.view_endpoint", "webhooks.view_delivery")
GRANTS = {
    "Viewer": SEE,
    "Operator": SEE,
    "Manager": (*SEE, "webhooks.add_endpoint", "webhooks.change_endpoint", "webhooks.delete_endpoint"),
    "Privacy officer": SEE,
}


def grant(apps: Any, schema_editor: Any) -> None:
    import_module("backoffice.migrations.0001_groups")._make_permissions(apps, schema_editor.connection.alias)
    permissions = apps.get_model("auth", "Permission").objects
    # A group of one of these names that was made for something else is left as it is.
    may_see = {"permissions__content_type__app_label": "orders", "permissions__codename": "view_order"}
    for group in apps.get_model("auth", "Group").objects.filter(name__in=GRANTS, **may_see):
        for app, codename in (each.split(".") for each in GRANTS[group.name]):
            group.permissions.add(permissions.get(content_type__app_label=app, codename=codename))


class Migration(migrations.Migration):
    dependencies = [("oms", "0003_see_changes"), ("webhooks", "0001_initial")]

    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
