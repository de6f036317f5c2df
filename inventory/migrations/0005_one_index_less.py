from typing import Any

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def drop_index(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """AlterField would rewrite the table on SQLite. MySQL and MariaDB drop this index themselves where another one
    begins with its column."""
    connection = schema_editor.connection
    if connection.vendor == "mysql":
        return
    model = apps.get_model("inventory", "InventoryItem")
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, model._meta.db_table)
    for index, facts in found.items():
        if facts["index"] and not facts["unique"] and facts["columns"] == ["platform_id"]:
            schema_editor.remove_index(model, models.Index(fields=["platform_id"], name=index))


class Migration(migrations.Migration):
    dependencies = [("inventory", "0004_synced_at"), ("platforms", "0006_states_of_streams")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="inventoryitem",
                    name="platform",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=models.deletion.PROTECT,
                        related_name="inventory",
                        to="platforms.platform",
                    ),
                ),
            ],
            # Going back leaves it dropped: the others serve all that it did.
            database_operations=[migrations.RunPython(drop_index, migrations.RunPython.noop)],
        )
    ]
