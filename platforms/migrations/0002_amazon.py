"""The platform `amazon` (id 1), unconfigured: it is what guides and scripts speak of."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def create_amazon(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    platforms = apps.get_model("platforms", "Platform").objects
    if not platforms.exists():
        # The id comes from the sequence of an empty table, so that PostgreSQL's sequence knows of it.
        platforms.create(name="amazon", kind="amazon", display_name="Amazon")


class Migration(migrations.Migration):
    dependencies = [("platforms", "0001_initial")]

    operations = [migrations.RunPython(create_amazon, migrations.RunPython.noop)]
