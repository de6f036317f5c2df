from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0011_lanes"),
    ]

    operations = [
        migrations.AddField(
            model_name="streamstate",
            name="part_watermarks",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name="streamstate",
            name="refused_parts",
            field=models.JSONField(blank=True, default=dict),
        ),
    ]
