"""Sessions in the database, without their keys: settings.SESSION_ENGINE.

A key is what a browser sends as its cookie; whoever reads it is that user. Django stores it as it is. Here the table
has a digest of it, so that neither a reader of the database nor one of a back-up can sign in with what stands there.
Keys are long and random, so the digest needs no salt.
"""

from hashlib import sha256
from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session

LENGTH = 40  # of the column: 160 bits


def digest(key: str) -> str:
    """The primary key of the row of the session that has this key."""
    return sha256(key.encode()).hexdigest()[:LENGTH]


class SessionStore(db.SessionStore):
    """As Django's, but for what is stored as the key. Asynchronous views, of which OMS has none, are not served."""

    def _get_session_from_db(self) -> Session | None:
        key, self._session_key = self.session_key, digest(self.session_key or "")
        found: Session | None = super()._get_session_from_db()  # type: ignore[misc]
        self._session_key = key if found else None
        return found

    def exists(self, session_key: str) -> bool:
        return super().exists(digest(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        session: Session = super().create_model_instance(data)  # type: ignore[assignment]
        session.session_key = digest(session.session_key)
        return session

    def delete(self, session_key: str | None = None) -> None:
        key = self.session_key if session_key is None else session_key
        if key:
            super().delete(digest(key))

    aload = asave = aexists = adelete = acreate = acreate_model_instance = None  # type: ignore[assignment]
