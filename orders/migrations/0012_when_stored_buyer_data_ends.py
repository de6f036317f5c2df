"""Finds stored buyer data by e-mail, and deletes what an earlier release would have kept for longer.

Until now, each change of an order without a delivery window began its 30 days anew.
"""

from django.db import migrations
from django.utils import timezone

from orders.buyers import Facts, email_digest, purge_after_delivery

AT_ONCE = 500


def fill(apps, schema_editor):
    buyers = apps.get_model("orders", "OrderBuyer").objects.using(schema_editor.connection.alias)
    last, now = 0, timezone.now()
    while some := list(
        buyers.filter(pk__gt=last).select_related("order").defer("order__payload").order_by("pk")[:AT_ONCE]
    ):
        last = some[-1].pk
        for buyer in some:
            order = buyer.order
            facts = Facts(*(getattr(order, name) for name in Facts._fields))
            purge_after = purge_after_delivery(facts, order.platform_updated_at, now)
            buyer.purge_after = min(purge_after, buyer.purge_after)
            buyer.email_digest = email_digest(buyer.data)
        buyers.bulk_update(some, ["purge_after", "email_digest"])


class Migration(migrations.Migration):
    dependencies = [("orders", "0011_ends_and_holds")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
