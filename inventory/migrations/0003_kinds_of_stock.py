from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("inventory", "0002_the_desk")]

    operations = [
        migrations.AddField(
            model_name="inventoryitem",
            name="details",
            field=models.JSONField(blank=True, null=True, verbose_name="kinds of stock"),
        ),
    ]
