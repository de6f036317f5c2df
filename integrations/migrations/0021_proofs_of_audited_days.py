"""Days that were audited before: since when they are open, and how far each platform is proven."""

from datetime import timedelta
from itertools import groupby

from django.db import migrations
from django.db.models import F

GOOD = {"proven", "healed"}


def find_proofs(apps, schema_editor):
    AuditedDay = apps.get_model("integrations", "AuditedDay")
    OrderProof = apps.get_model("integrations", "OrderProof")
    AuditedDay.objects.filter(state="open").update(open_since=F("checked_at"))
    for platform_id in list(AuditedDay.objects.order_by().values_list("platform_id", flat=True).distinct()):
        days = AuditedDay.objects.filter(platform_id=platform_id)
        rows = list(days.order_by("-day").values_list("day", "marketplace_id", "state"))
        since, until = span_of(rows)
        OrderProof.objects.get_or_create(
            platform_id=platform_id,
            defaults={
                "since": since,
                "until": until,
                "open_days": len({day for day, _site, state in rows if state == "open"}),
                "audited_at": days.order_by("-checked_at").values_list("checked_at", flat=True).first(),
            },
        )


def span_of(rows):
    """As completeness/proof.py found it when this was written."""
    begun = until = required = expected = None
    for day, group in groupby(rows, key=lambda row: row[0]):
        states = {site: state for _day, site, state in group}
        sites = set(states) - {""}
        required = sites if required is None else required
        if (expected is not None and day != expected) or not required <= sites:
            break
        if not GOOD.issuperset(states.values()):
            until = None
        elif until is None:
            until = day
        begun, expected = day, day - timedelta(days=1)
    return (None, None) if until is None else (begun, until)


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0020_findings_that_stay_open"),
    ]

    operations = [
        migrations.RunPython(find_proofs, migrations.RunPython.noop),
    ]
