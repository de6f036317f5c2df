"""Which worker sends for a platform. One at a time: so its quota, and the limit of an hour, are watched by one."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from core.database.retry import retry_on_db_error
from integrations.models import SendingTurn

LEASE = timedelta(minutes=5)  # longer than the slowest call with all its attempts


class TurnLost(Exception):
    """Another worker sends for this platform now."""


class Turn:
    """The right to send for one platform, renewed with each write."""

    def __init__(self, platform_id: int, token: str, troubles: int) -> None:
        self.platform_id = platform_id
        self.token = token
        self.troubles = (
            troubles  # calls of late, in a row, that the platform as a whole refused or did not answer
        )

    @classmethod
    @retry_on_db_error
    def take(cls, platform_id: int) -> "Turn | None":
        """None where another worker has it, or nothing is to be sent yet."""
        SendingTurn.objects.get_or_create(platform_id=platform_id)
        now, token = timezone.now(), uuid.uuid4().hex
        free = Q(lease_token="") | Q(lease_expires_at__lt=now)
        rested = Q(paused_until=None) | Q(paused_until__lte=now)
        won = SendingTurn.objects.filter(free, rested, platform_id=platform_id).update(
            lease_token=token,
            lease_expires_at=now + LEASE,
            paused_until=None,
            pause_code="",
            pause_message="",
        )
        if not won:
            return None
        return cls(platform_id, token, SendingTurn.objects.get(platform_id=platform_id).troubles)

    @retry_on_db_error
    def renew(self) -> None:
        """Raises TurnLost."""
        self._write(lease_expires_at=timezone.now() + LEASE)

    @retry_on_db_error
    def pause(self, until: datetime, code: str, message: str = "") -> None:
        """Nothing is sent before. Raises TurnLost."""
        self._write(paused_until=until, pause_code=code[:64], pause_message=message)

    @retry_on_db_error
    def count_troubles(self, troubles: int) -> None:
        """Remember them for the next turn. Raises TurnLost."""
        if troubles != self.troubles:
            self._write(troubles=troubles)
            self.troubles = troubles

    @retry_on_db_error
    def release(self) -> None:
        """Let another worker have it. Nothing where it is lost."""
        self._mine().update(lease_token="", lease_expires_at=None)

    def _write(self, **values: Any) -> None:
        if not self._mine().update(**values):
            raise TurnLost(f"Another worker sends for platform {self.platform_id} now.")

    def _mine(self) -> Any:
        return SendingTurn.objects.filter(platform_id=self.platform_id, lease_token=self.token)
