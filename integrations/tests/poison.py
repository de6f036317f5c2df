"""An order that the platform cannot answer for, while it answers for all others."""

from dataclasses import dataclass

from simulator import Answer, Canned
from simulator.faults.base import Call, Fault, Site


@dataclass(frozen=True)
class OfOrder(Fault):
    """Each getOrder of this order is answered with the status instead."""

    external_id: str
    status: int = 503

    def before(self, site: Site, call: Call) -> Canned | None:
        is_it = self.external_id in call.params.values()
        return Answer(self.status).before(site, call) if is_it else None
