"""What waits for an endpoint, or failed for it, in the order in which it was made."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0003_fill_external_id")]

    operations = [
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["endpoint", "state", "id"], name="webhook_delivery_mine"),
        ),
        migrations.RemoveIndex(model_name="delivery", name="webhook_delivery_due"),
    ]
