"""What the report of sales and the parts of a line need: columns that are NULL until the platform says something."""

from django.db import migrations, models


def amount(name: str) -> models.DecimalField[None, None]:
    return models.DecimalField(blank=True, decimal_places=4, max_digits=18, null=True, verbose_name=name)


class Migration(migrations.Migration):
    dependencies = [("orders", "0017_teamwork")]

    operations = [
        migrations.AddField(
            "order",
            "ship_to_country",
            models.CharField(blank=True, max_length=2, null=True, verbose_name="ship-to country"),
        ),
        migrations.AddField("orderitem", "item_subtotal", amount("item amount")),
        migrations.AddField("orderitem", "other_charges", amount("gift wrap and other charges")),
    ]
