"""Who works on a catch-up."""

from typing import Any

from django.db import transaction

from integrations.completeness.history.claim import FetchingClaim
from integrations.completeness.keeping_up.settling import give_up
from integrations.models import CatchUp


class CatchUpClaim(FetchingClaim[CatchUp]):
    """The right to work on one catch-up."""

    model = CatchUp

    def end(self, status: str, **values: Any) -> None:
        """However it ends: what lists alone know is not taken for read any more."""
        with transaction.atomic():
            super().end(status, **values)
            give_up(self.job)
