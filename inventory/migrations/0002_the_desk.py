# Begun by Django 5.2.19; the order is ours: `level` comes before the index that begins with it.

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Case, F, Value, When

import core.database.fields

ID = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")
LEVELS = [(0, "out of stock"), (1, "low"), (2, "in stock"), (3, "not known"), (4, "gone")]


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0001_initial"),
        ("platforms", "0003_refused_datasets"),
    ]

    operations = [
        migrations.AddField(
            model_name="inventoryitem",
            name="threshold",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="The SKU counts as low when no more than this is available. Empty: when nothing is.",
                null=True,
                validators=[django.core.validators.MaxValueValidator(1_000_000_000)],
                verbose_name="threshold",
            ),
        ),
        migrations.AddField(
            model_name="inventoryitem",
            name="level",
            field=models.GeneratedField(
                db_persist=True,
                expression=Case(
                    When(gone_at__isnull=False, then=Value(4)),
                    When(available__isnull=True, then=Value(3)),
                    When(available__lte=0, then=Value(0)),
                    When(available__lte=F("threshold"), then=Value(1)),
                    default=Value(2),
                ),
                output_field=models.SmallIntegerField(choices=LEVELS, verbose_name="stock level"),
            ),
        ),
        migrations.RemoveIndex(
            model_name="inventoryitem",
            name="stock_source",
        ),
        migrations.RemoveIndex(
            model_name="inventoryitem",
            name="stock_available",
        ),
        migrations.AddIndex(
            model_name="inventoryitem",
            index=models.Index(fields=["platform", "source"], name="stock_source"),
        ),
        migrations.AddIndex(
            model_name="inventoryitem",
            index=models.Index(fields=["fnsku"], name="stock_fnsku"),
        ),
        migrations.AddIndex(
            model_name="inventoryitem",
            index=models.Index(
                fields=["level", "available", "sku", "id", "source"], name="stock_lowest_first"
            ),
        ),
        migrations.CreateModel(
            name="StockSnapshot",
            fields=[
                ("id", ID),
                ("day", models.DateField(verbose_name="day")),
                ("available", models.IntegerField(null=True, verbose_name="available")),
                ("total", models.IntegerField(null=True, verbose_name="total")),
                (
                    "item",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="snapshots",
                        to="inventory.inventoryitem",
                    ),
                ),
            ],
            options={
                "verbose_name": "stock of a day",
                "verbose_name_plural": "stock by day",
                "db_table": "stock_snapshots",
                "ordering": ("item", "day"),
                "constraints": [models.UniqueConstraint(fields=("item", "day"), name="one_snapshot_a_day")],
                "indexes": [models.Index(fields=["day"], name="snapshot_day")],
            },
        ),
        migrations.CreateModel(
            name="StockDay",
            fields=[
                ("id", ID),
                (
                    "marketplace_id",
                    core.database.fields.ExactCharField(max_length=32, verbose_name="marketplace"),
                ),
                ("day", models.DateField(verbose_name="day")),
                ("skus", models.IntegerField(verbose_name="SKUs")),
                ("available", models.BigIntegerField(null=True, verbose_name="available")),
                ("total", models.BigIntegerField(null=True, verbose_name="total")),
                ("taken_at", models.DateTimeField(verbose_name="written down")),
                (
                    "platform",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="stock_days",
                        to="platforms.platform",
                    ),
                ),
            ],
            options={
                "verbose_name": "stock of a marketplace by day",
                "verbose_name_plural": "stock of marketplaces by day",
                "db_table": "stock_days",
                "ordering": ("day", "platform", "marketplace_id"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("day", "platform", "marketplace_id"), name="one_sum_a_day"
                    )
                ],
            },
        ),
    ]
