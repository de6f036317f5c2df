"""The search for words of a title reads ordered_products: fill it for orders that are stored already."""

from hashlib import blake2b

from django.db import migrations

AT_ONCE = 2000


def fill(apps, schema_editor):
    item_model = apps.get_model("orders", "OrderItem")
    product_model = apps.get_model("orders", "OrderedProduct")
    rows = (
        item_model.objects.using(schema_editor.connection.alias).exclude(sku="").exclude(title="").order_by()
    )
    batch = {}
    for sku, title in rows.values_list("sku", "title").distinct().iterator():
        words = title.casefold()
        key = blake2b(f"{sku}\0{words}".encode(errors="replace"), digest_size=16).hexdigest()
        batch[key] = product_model(key=key, sku=sku, words=words)
        if len(batch) == AT_ONCE:
            product_model.objects.bulk_create(batch.values(), ignore_conflicts=True)
            batch = {}
    product_model.objects.bulk_create(batch.values(), ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [("orders", "0002_the_desk")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
