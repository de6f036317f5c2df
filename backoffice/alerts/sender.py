"""Whether `manage.py run_webhooks` works, where it has something to do: webhooks to send to, or people to tell."""

from datetime import datetime

from backoffice.models import AlertSubscription
from integrations.schedule.looks import look_is_silent, looked_at
from webhooks.leases import unattended


def sender_is_silent(now: datetime) -> bool:
    """At most three queries. Raises DatabaseError."""
    if unattended().exists():
        return True
    return look_is_silent(looked_at(), now) and AlertSubscription.objects.filter(by_email=True).exists()
