"""How far entries were shipped elsewhere, by place; and when all were last found to be as they were written.

The column that goes was never used: it holds 0.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_earlier_entries")]

    operations = [
        migrations.CreateModel(
            name="AuditShipment",
            fields=[
                ("place", models.CharField(max_length=16, primary_key=True, serialize=False)),
                ("shipped_through", models.BigIntegerField(default=0)),
                ("claimed_until", models.DateTimeField(null=True)),
            ],
            options={"db_table": "audit_shipments", "default_permissions": ()},
        ),
        migrations.RemoveField("audithead", "shipped_through"),
        migrations.AddField("audithead", "verified_through", models.BigIntegerField(default=0)),
        migrations.AddField("audithead", "verified_at", models.DateTimeField(null=True)),
    ]
