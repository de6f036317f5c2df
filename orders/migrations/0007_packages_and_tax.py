import django.db.models.deletion
from django.db import migrations, models

import core.database.fields


def text(name: str) -> models.CharField[str, str]:
    return models.CharField(blank=True, default="", max_length=255, verbose_name=name)


def text_or_null(name: str) -> models.CharField[str | None, str | None]:
    return models.CharField(blank=True, null=True, max_length=255, verbose_name=name)


class Migration(migrations.Migration):
    dependencies = [("orders", "0006_what_is_left_to_ship")]

    operations = [
        migrations.AddField(
            "order",
            "tax",
            models.DecimalField(blank=True, decimal_places=4, max_digits=18, null=True, verbose_name="tax"),
        ),
        migrations.AddField("order", "invoice_status", text_or_null("invoice")),
        migrations.AddField("orderitem", "tax_model", text_or_null("tax model")),
        migrations.AddField("orderitem", "tax_responsible_party", text_or_null("tax is paid by")),
        migrations.AddField("orderitem", "tax_scheme", text_or_null("tax scheme")),
        migrations.CreateModel(
            name="OrderPackage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "external_id",
                    core.database.fields.ExactCharField(max_length=255, verbose_name="package id"),
                ),
                ("carrier", text("carrier")),
                ("shipping_service", text("shipping service")),
                (
                    "tracking_number",
                    core.database.fields.ExactCharField(
                        blank=True, default="", max_length=255, verbose_name="tracking number"
                    ),
                ),
                ("status", text("status")),
                ("detailed_status", text("detailed status")),
                ("packed_at", models.DateTimeField(blank=True, null=True, verbose_name="packed")),
                ("shipped_at", models.DateTimeField(blank=True, null=True, verbose_name="shipped")),
                ("contents", models.JSONField(blank=True, default=list, verbose_name="contents")),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="packages",
                        to="orders.order",
                    ),
                ),
            ],
            options={
                "verbose_name": "package",
                "verbose_name_plural": "packages",
                "db_table": "order_packages",
                "ordering": ("id",),
                "indexes": [models.Index(fields=["tracking_number", "order"], name="package_tracking")],
                "constraints": [
                    models.UniqueConstraint(fields=("order", "external_id"), name="package_unique_per_order")
                ],
            },
        ),
    ]
