from django.db import migrations


class Migration(migrations.Migration):
    """Names alone: the database is not touched."""

    dependencies = [
        ("integrations", "0004_api_usage"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="synclog",
            options={"ordering": ("-id",), "verbose_name": "sync", "verbose_name_plural": "syncs"},
        ),
    ]
