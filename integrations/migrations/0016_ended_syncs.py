from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0015_totals_of_syncs"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="synclog",
            index=models.Index(fields=["finished_at"], name="sync_finished"),
        ),
    ]
