"""Secrets that somebody wrote with SQL: they are read like any others, and must not stay unencrypted."""

from typing import TypeVar

from django.db import models, transaction
from django.db.models import CharField, F
from django.db.models.functions import Substr

from core.encryption import FERNET_PREFIX
from platforms.models import Platform
from webhooks.models import Endpoint

Row = TypeVar("Row", bound=models.Model)


def encrypt_plain_rows() -> list[str]:
    """Encrypt the credentials of each platform, active or not, and the signing secrets of each webhook, where they are
    plain JSON. Returns what was encrypted, in words. Two queries where there is none. Raises DatabaseError."""
    done = [
        f"the credentials of platform {platform.name}"
        for platform in _in_plain(Platform, "api_config")
        if platform.encrypt_plain_config()  # not text that is no JSON: home and checks tell of it
    ]
    return done + [
        f"the signing secrets of webhook {endpoint.name}"
        for endpoint in _in_plain(Endpoint, "signing_secrets")
        if _encrypt_endpoint(endpoint.pk)
    ]


def _in_plain(model: type[Row], column: str) -> list[Row]:
    """Rows whose column does not begin as encrypted text does."""
    begins = Substr(F(column), 1, len(FERNET_PREFIX), output_field=CharField())
    found = model._default_manager.annotate(begins=begins).values_list("pk", "begins")
    keys = [pk for pk, text in found if text and text != FERNET_PREFIX]
    return list(model._default_manager.filter(pk__in=keys)) if keys else []


@transaction.atomic
def _encrypt_endpoint(pk: int) -> bool:
    locked = Endpoint.objects.select_for_update().get(pk=pk)
    if not locked.signing_secrets.was_plain:
        return False
    locked.save(update_fields=["signing_secrets"])
    return True
