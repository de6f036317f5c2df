"""IdempotentAnswer: what a POST was answered, so that it is not done twice. RequestCount: how many a token has made."""

from django.conf import settings
from django.db import models


class IdempotentAnswer(models.Model):
    """What one user's POST with an Idempotency-Key was answered; see idempotency.py.

    `answer` is encrypted, since it may hold a secret that is shown once, and "" while the work is going on. A row lives
    a day, so `reencrypt` leaves it alone.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key_digest = models.CharField(max_length=64)
    request_digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    # Until then, whoever made the row is taken to be at work.
    locked_until = models.DateTimeField()
    answer = models.TextField(default="")

    class Meta:
        db_table = "api_idempotent_answers"
        constraints = [
            models.UniqueConstraint(fields=("user", "key_digest"), name="one_answer_per_key"),
        ]
        # For prune_answers(), which deletes what is older than a day.
        indexes = [models.Index(fields=("created_at",), name="idempotent_answer_age")]

    def __str__(self) -> str:
        return self.key_digest


class RequestCount(models.Model):
    """Requests of one token, or of one user's sessions, in one minute (of Unix time); see throttling.py."""

    caller = models.CharField(max_length=64, primary_key=True)
    minute = models.BigIntegerField()
    count = models.BigIntegerField(default=0)

    class Meta:
        db_table = "api_request_counts"

    def __str__(self) -> str:
        return self.caller
