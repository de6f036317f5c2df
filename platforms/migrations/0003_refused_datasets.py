from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("platforms", "0002_amazon"),
    ]

    operations = [
        migrations.AddField(
            model_name="platform",
            name="refused_datasets",
            field=models.JSONField(blank=True, default=dict, editable=False),
        ),
    ]
