from django.db import migrations, models


def amount(name: str) -> models.DecimalField[None, None]:
    return models.DecimalField(blank=True, decimal_places=4, max_digits=18, null=True, verbose_name=name)


class Migration(migrations.Migration):
    dependencies = [("orders", "0008_lists_by_time_of_change")]

    operations = [
        migrations.AddField("orderitem", "item_tax", amount("item tax")),
        migrations.AddField("orderitem", "shipping_tax", amount("shipping tax")),
        migrations.AddField("orderitem", "gift_wrap_tax", amount("gift wrap tax")),
        migrations.AddField("orderitem", "discount_tax", amount("discount tax")),
    ]
