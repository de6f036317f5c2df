"""SchedulerLease: of all schedulers that are started, one is active."""

from django.db import models


class SchedulerLease(models.Model):
    """One row. `holder` is host and process of the active scheduler; who finds the lease expired may take it.

    `seen_at`: when one last took or renewed it. It stays when the lease is released: `run_scheduler --once` from cron
    holds it for seconds.
    """

    name = models.CharField(max_length=32, unique=True)
    holder = models.CharField(max_length=255, blank=True, default="")
    token = models.CharField(max_length=32, blank=True, default="")
    expires_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "scheduler_leases"

    def __str__(self) -> str:
        return f"{self.name}: {self.holder}"
