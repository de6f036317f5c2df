from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0009_parts_of_the_tax")]

    operations = [
        migrations.RemoveIndex(model_name="order", name="order_newest"),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                fields=[
                    "-purchased_at",
                    "-id",
                    "status",
                    "platform",
                    "marketplace_id",
                    "fulfilled_by",
                    "source",
                    "buyer_requested_cancellation",
                    "ship_by",
                    "platform_updated_at",
                    "synced_at",
                ],
                name="order_newest",
            ),
        ),
    ]
