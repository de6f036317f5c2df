from typing import Any

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

COLUMNS = (("Order", "platform_id"), ("OrderItem", "order_id"))


def drop_indexes(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """AlterField would rewrite both tables on SQLite, and check all their rows again on MariaDB: minutes, with a
    million orders. MySQL and MariaDB have dropped these indexes themselves when others took their place."""
    connection = schema_editor.connection
    if connection.vendor == "mysql":
        return
    for name, column in COLUMNS:
        model = apps.get_model("orders", name)
        with connection.cursor() as cursor:
            found = connection.introspection.get_constraints(cursor, model._meta.db_table)
        for index, facts in found.items():
            if facts["index"] and not facts["unique"] and facts["columns"] == [column]:
                schema_editor.remove_index(model, models.Index(fields=[column], name=index))


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0004_few_ask_to_cancel"),
        ("platforms", "0004_credentials_set_at"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="order",
                    name="platform",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=models.deletion.PROTECT,
                        related_name="orders",
                        to="platforms.platform",
                    ),
                ),
                migrations.AlterField(
                    model_name="orderitem",
                    name="order",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=models.deletion.CASCADE,
                        related_name="items",
                        to="orders.order",
                    ),
                ),
            ],
            # Going back leaves them dropped: the others serve all that they did.
            database_operations=[migrations.RunPython(drop_indexes, migrations.RunPython.noop)],
        )
    ]
