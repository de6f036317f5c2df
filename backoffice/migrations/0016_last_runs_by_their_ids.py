"""The last run of an export is read by its id: it was kept twice, and the two tables named each other."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("oms", "0015_scheduled_exports"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="scheduledexport",
            name="last_run",
        ),
    ]
