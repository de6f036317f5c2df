"""Which kinds there are, the registry of channels says, and not the database. Changes no column."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("platforms", "0004_credentials_set_at"),
    ]

    operations = [
        migrations.AlterField(
            model_name="platform",
            name="kind",
            field=models.CharField(default="amazon", max_length=32, verbose_name="kind"),
        ),
        migrations.AlterField(
            model_name="platform",
            name="name",
            field=models.SlugField(
                help_text="Short name used in commands and URLs, e.g. shop-de.",
                max_length=64,
                unique=True,
                verbose_name="name",
            ),
        ),
    ]
