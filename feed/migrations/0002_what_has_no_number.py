from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

NAME = "change_unnumbered"


def add_index(_apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The others have rows with NULL in the index of the sequence in the order of their ids, and need no other one."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"CREATE INDEX {NAME} ON changes (id) WHERE sequence IS NULL")


def remove_index(_apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP INDEX IF EXISTS {NAME}")


class Migration(migrations.Migration):
    dependencies = [("feed", "0001_initial")]

    operations = [migrations.RunPython(add_index, remove_index)]
