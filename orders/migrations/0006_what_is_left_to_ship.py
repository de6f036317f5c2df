from typing import Any

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import F


def fill_open_orders(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """What is left of orders that are still to be shipped, from what is stored of them. All others get it when the
    platform reports them again: writing to each line of a million orders would take minutes."""
    order, item = apps.get_model("orders", "Order"), apps.get_model("orders", "OrderItem")
    to_ship = order.objects.filter(status__in=("unshipped", "partially_shipped")).order_by()
    ids = list(to_ship.values_list("pk", flat=True))
    for start in range(0, len(ids), 500):
        lines = item.objects.filter(order__in=ids[start : start + 500])
        lines.filter(quantity_ordered__gte=F("quantity_shipped")).update(
            quantity_left=F("quantity_ordered") - F("quantity_shipped")
        )
        lines.filter(quantity_ordered__lt=F("quantity_shipped")).update(quantity_left=0)


class Migration(migrations.Migration):
    dependencies = [("orders", "0005_indexes_that_others_begin_with")]

    operations = [
        migrations.AddField(
            model_name="orderitem",
            name="quantity_left",
            field=models.IntegerField(blank=True, null=True, verbose_name="left to ship"),
        ),
        migrations.RunPython(fill_open_orders, migrations.RunPython.noop),
    ]
