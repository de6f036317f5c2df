"""The order ids and SKUs of deliveries that were made before there was a column for them, from their changes."""

from typing import Any

from django.db import migrations
from django.db.models import Max, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce

AT_ONCE = 5000  # ids in one statement


def fill(apps: Any, _schema_editor: Any) -> None:
    deliveries = apps.get_model("webhooks", "Delivery").objects
    changes = apps.get_model("feed", "Change").objects.filter(sequence=OuterRef("sequence"))
    external_id = Coalesce(Subquery(changes.values("external_id")[:1]), Value(""))
    last = deliveries.aggregate(last=Max("pk"))["last"] or 0
    for start in range(0, last, AT_ONCE):
        some = deliveries.filter(pk__gt=start, pk__lte=start + AT_ONCE)
        some.update(external_id=external_id)


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0002_events"), ("feed", "0001_initial")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
