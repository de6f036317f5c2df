"""How a job is opened: of a platform, one of each kind is open at a time."""

from contextlib import suppress
from typing import Any

from django.db import IntegrityError, transaction

from integrations.models.jobs import AnyJob
from platforms.models import Platform


def open_or_find(model: type[AnyJob], platform: Platform, **columns: Any) -> tuple[AnyJob, bool]:
    """A new job with these columns, and True; or the one of this platform that is open, and False."""
    jobs: Any = model._default_manager
    key = str(platform.pk)
    for _attempt in range(5):  # one may be opened between our look and our insert, and be closed again
        found = jobs.filter(open_key=key).select_related("platform").first()
        if found is not None:
            return found, False
        with suppress(IntegrityError), transaction.atomic():
            return jobs.create(platform=platform, open_key=key, **columns), True
    name = model._meta.verbose_name
    raise RuntimeError(f"Could neither open this of {platform.name} nor find the open one: {name}.")
