"""Who works on an audit of stock."""

from typing import Any

from integrations.completeness.claim import JobClaim
from integrations.models import StockAudit


class StockClaim(JobClaim[StockAudit]):
    """The right to work on one audit of stock."""

    model = StockAudit

    @property
    def audit(self) -> StockAudit:
        return self.job

    def update_part(self, number: int, **values: Any) -> None:
        parts = [dict(part) for part in self.audit.parts]
        parts[number].update(values)
        self.save(parts=parts)
