"""E-mails that wait to be sent: again with growing pauses for three days, then given up, which the home page says.

Whoever sends claims a row with a compare-and-set before, so two processes do not send the same one. A process that is
killed between the mail server's answer and the note of it leaves a claim that runs out, and the e-mail is sent once
more, with the same Message-ID.
"""

import logging
import smtplib
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.utils import timezone

from backoffice.alerts.letters import Letter
from backoffice.models import AlertMessage, AlertState

logger = logging.getLogger(__name__)

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (2, 5, 15, 30, 60))  # the last one again and again
GIVEN_UP_AFTER = timedelta(days=3)
KEPT_FOR = timedelta(days=30)
AT_ONCE = 50
# Of one recipient or one text; anything else is the mail server's, and the others need not try either.
OF_ONE = (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, ValueError)


def write(user_id: int, letter: Letter, now: datetime) -> None:
    """Put a letter into the outbox, in the transaction that makes it true."""
    AlertMessage.objects.create(
        user_id=user_id,
        message_id=uuid.uuid4().hex,
        subject=letter.subject,
        body=letter.body,
        created_at=now,
        next_at=now,
    )


def send_due(now: datetime | None = None) -> int:
    """Send what is due, and say how many were. A mail server that is down is no error here. Raises DatabaseError."""
    if not settings.EMAIL_IS_ON:
        return 0
    now = now or timezone.now()
    sent = 0
    due = AlertMessage.objects.filter(next_at__lte=now).select_related("user").order_by("pk")[:AT_ONCE]
    for message in due:
        claimed_until = now + _pause(message.attempts)
        if not _claim(message, claimed_until):
            continue
        try:
            _send(message)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            _note_failure(message, error, now)
            if isinstance(error, OF_ONE):
                continue
            # Its pause holds for what waits beside it: one look asks a server that is down once.
            AlertMessage.objects.filter(next_at__lte=claimed_until).update(next_at=claimed_until)
            return sent
        AlertMessage.objects.filter(pk=message.pk).update(next_at=None, sent_at=timezone.now(), problem="")
        sent += 1
    return sent


def prune_messages() -> None:
    """Delete e-mails of long ago, and what was over then. settings.MAINTENANCE."""
    long_ago = timezone.now() - KEPT_FOR
    AlertMessage.objects.filter(created_at__lt=long_ago).delete()
    AlertState.objects.filter(over_at__lt=long_ago).delete()


def _pause(attempts: int) -> timedelta:
    return PAUSES[min(attempts, len(PAUSES) - 1)]


def _claim(message: AlertMessage, until: datetime) -> bool:
    """Whether it is ours to send: what was read is still so."""
    unchanged = AlertMessage.objects.filter(pk=message.pk, next_at=message.next_at, attempts=message.attempts)
    return bool(unchanged.update(attempts=message.attempts + 1, next_at=until))


def _send(message: AlertMessage) -> None:
    host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ") or "localhost"
    headers = {"Message-ID": f"<{message.message_id}@{host}>", "Auto-Submitted": "auto-generated"}
    mail = EmailMessage(
        message.subject, message.body, to=[message.user.email], headers=headers, connection=get_connection()
    )
    mail.send()


def _note_failure(message: AlertMessage, error: Exception, now: datetime) -> None:
    """Only the class and the number: what a server says may repeat addresses."""
    code = getattr(error, "smtp_code", "")
    problem = f"{type(error).__name__} {code}".strip()[:64]
    row = AlertMessage.objects.filter(pk=message.pk)
    if now - message.created_at >= GIVEN_UP_AFTER:
        row.update(next_at=None, problem=problem)
        logger.error("Alert e-mail %s was given up after three days: %s.", message.message_id, problem)
        return
    row.update(problem=problem)
    logger.warning("Alert e-mail %s could not be sent: %s. It is tried again.", message.message_id, problem)
