from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("platforms", "0003_refused_datasets")]

    operations = [
        migrations.AddField(
            model_name="platform",
            name="credentials_set_at",
            field=models.JSONField(blank=True, default=dict, editable=False),
        ),
    ]
