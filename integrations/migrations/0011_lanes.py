"""Open syncs with a window of their own get an open_key of their own: "7:orders" becomes "7:orders:window".

Few rows: an open_key is NULL once a sync is closed. One that is not moved (opened by the version before while this
runs) goes on under its old key.
"""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import F, Value
from django.db.models.functions import Concat

END = ":window"


def move(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    windows = apps.get_model("integrations", "SyncLog").objects.filter(
        open_key__isnull=False, is_incremental=False
    )
    begun = windows.exclude(status="deferred").exclude(open_key__endswith=END)
    begun.update(open_key=Concat(F("open_key"), Value(END)))


def move_back(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """A window that is open beside a regular sync is deferred: the version before starts it after that one."""
    logs = apps.get_model("integrations", "SyncLog").objects
    for log in logs.filter(open_key__endswith=END).only("pk", "open_key"):
        key = log.open_key.removesuffix(END)
        if logs.filter(open_key=key).exists():
            logs.filter(pk=log.pk).update(open_key=f"{key}:{log.pk}", status="deferred", lease_token="")
        else:
            logs.filter(pk=log.pk).update(open_key=key)


class Migration(migrations.Migration):
    dependencies = [("integrations", "0010_states_of_platforms")]

    operations = [migrations.RunPython(move, move_back)]
