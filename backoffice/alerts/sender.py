"""Whether `manage.py run_webhooks` works, where it has something to do: webhooks to send to, or people to tell."""

from datetime import datetime

from backoffice.models import AlertSubscription
from integrations.schedule.looks import look_is_silent
from webhooks.leases import unattended


def sender_is_silent(looked: datetime | None, now: datetime) -> bool:
    """By when somebody last looked. At most two queries. Raises DatabaseError."""
    if unattended().exists():
        return True
    return look_is_silent(looked, now) and AlertSubscription.objects.filter(by_email=True).exists()
