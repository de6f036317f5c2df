"""ExportRun: who exported which list, how far it got, and whether it came to its end."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class ExportRun(models.Model):
    """`token` is made up by the page that asks how far it got; it is nobody's secret, and only its user may ask."""

    token = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    file_name = models.CharField(max_length=128)
    query = models.TextField(blank=True, default="")
    rows = models.PositiveIntegerField(default=0)
    rows_done = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    failed = models.BooleanField(default=False)

    class Meta:
        db_table = "export_runs"

    def __str__(self) -> str:
        return f"{self.file_name}: {self.rows_done} of {self.rows}"
