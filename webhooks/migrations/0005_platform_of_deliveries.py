"""Of which platform a delivery speaks."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0004_deliveries_of_one")]

    operations = [migrations.AddField("delivery", "platform_id", models.BigIntegerField(null=True))]
