"""Who works on an audit of stock."""

from integrations.completeness.claim import JobClaim
from integrations.models import StockAudit


class StockClaim(JobClaim[StockAudit]):
    """The right to work on one audit of stock."""

    model = StockAudit

    @property
    def audit(self) -> StockAudit:
        return self.job
