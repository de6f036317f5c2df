from django.db import migrations, models

import integrations.models.sync


class Migration(migrations.Migration):
    """Which streams there are is said by their registry from now on. The database is not touched."""

    dependencies = [
        ("integrations", "0006_quota_operation"),
    ]

    operations = [
        migrations.AlterField(
            model_name=name,
            name="kind",
            field=models.CharField(
                choices=integrations.models.sync.stream_choices, max_length=16, verbose_name="kind"
            ),
        )
        for name in ("synclog", "syncfailure")
    ]
