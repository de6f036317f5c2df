"""What migrations share that give permissions to the groups. No migration itself: Django passes over such a name."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def grant(grants: Mapping[str, Sequence[str]]) -> Callable[[Any, Any], None]:
    """For RunPython: give each of these groups its permissions ("app.codename")."""

    def run(apps: Any, schema_editor: Any) -> None:
        groups = import_module("backoffice.migrations.0001_groups")
        groups._make_permissions(apps, schema_editor.connection.alias)
        permissions = apps.get_model("auth", "Permission").objects
        # A group of one of these names that was made for something else is left as it is.
        may_see = {"permissions__content_type__app_label": "orders", "permissions__codename": "view_order"}
        for group in apps.get_model("auth", "Group").objects.filter(name__in=grants, **may_see):
            for app, codename in (each.split(".") for each in grants[group.name]):
                group.permissions.add(permissions.get(content_type__app_label=app, codename=codename))

    return run
