"""Tokens that were made before there were scopes go on working as they did: for all that their users may do, on all
platforms, without an end unless they had one."""

from typing import Any

from django.db import migrations

NAME = "before scopes"
SCOPES = ["read", "sync", "manage", "buyer_data"]


def give_details(apps: Any, schema_editor: Any) -> None:
    alias = schema_editor.connection.alias
    details = apps.get_model("access", "ApiToken").objects.using(alias)
    tokens = apps.get_model("knox", "AuthToken").objects.using(alias).filter(details=None)
    for pk in tokens.order_by("created").values_list("pk", flat=True):
        details.create(token_id=pk, name=NAME, scopes=SCOPES)


class Migration(migrations.Migration):
    dependencies = [("access", "0001_initial"), ("knox", "0009_extend_authtoken_field")]

    operations = [migrations.RunPython(give_details, migrations.RunPython.noop)]
