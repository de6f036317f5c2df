"""The platforms of deliveries that were made before there was a column for them, as their bodies say it."""

import json
from collections import defaultdict
from typing import Any

from django.db import migrations
from django.db.models import Max

AT_ONCE = 2000  # rows


def fill(apps: Any, _schema_editor: Any) -> None:
    deliveries = apps.get_model("webhooks", "Delivery").objects
    last = deliveries.aggregate(last=Max("pk"))["last"] or 0
    for start in range(0, last, AT_ONCE):
        some = deliveries.filter(pk__gt=start, pk__lte=start + AT_ONCE, platform_id=None)
        ids: defaultdict[int, list[int]] = defaultdict(list)
        for pk, body in some.values_list("pk", "body"):
            platform_id = json.loads(body).get("data", {}).get("platform_id")
            if platform_id is not None:
                ids[platform_id].append(pk)
        for platform_id, pks in ids.items():
            some.filter(pk__in=pks).update(platform_id=platform_id)


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0005_platform_of_deliveries")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
