"""What /metrics tells of the database, a module a subject, each with a function that reads it. A subject is a module of
its own and one line here.

Every process gives the same figures, since they are read when they are asked for. A subject makes as many queries for
two platforms as for a thousand, and reads no table that grows with the orders. Labels are names of platforms, streams,
operations and states, and ids of webhooks: nothing of a person, and nothing without an end.
"""

from monitoring.subjects import (
    audits,
    credentials,
    failures,
    feed,
    fetching,
    queue,
    quota,
    scheduler,
    shipments,
    streams,
    syncs,
    webhooks,
)
from monitoring.subjects.base import Scrape, Subject

__all__ = ["SUBJECTS", "Scrape", "Subject"]

SUBJECTS: dict[str, Subject] = {
    "syncs": syncs.collect,
    "streams": streams.collect,
    "queue": queue.collect,
    "scheduler": scheduler.collect,
    "quota": quota.collect,
    "credentials": credentials.collect,
    "failures": failures.collect,
    "audits": audits.collect,
    "fetching": fetching.collect,
    "shipments": shipments.collect,
    "feed": feed.collect,
    "webhooks": webhooks.collect,
}
