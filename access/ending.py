"""A token ends with its user's password, and with the user; so does a session.

Django's users are changed by forms, commands, shells and scripts; all of these save the model. A queryset's `update`
does not: a user who is switched off that way has tokens that are refused until somebody switches the user on again.
"""

from collections.abc import Collection
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models.signals import pre_save

from access.passwords import is_same_password
from access.signed_in import end_all_of
from access.tokens import revoke_all_of

COLUMNS = ("password", "is_active")


def end_tokens(
    instance: AbstractBaseUser, raw: bool, update_fields: Collection[str] | None, **_facts: Any
) -> None:
    """Receiver of pre_save: before the user is written, so that no token outlives the password whatever fails then.
    https://docs.djangoproject.com/en/5.2/ref/signals/#pre-save"""
    if raw or not instance.pk or (update_fields is not None and not set(COLUMNS) & set(update_fields)):
        return
    stored = type(instance)._default_manager.filter(pk=instance.pk).values(*COLUMNS).first()
    if stored is None:
        return
    is_switched_off = stored["is_active"] and not instance.is_active
    is_new_password = stored["password"] != instance.password and not is_same_password(
        stored["password"], instance, update_fields
    )
    if is_switched_off or is_new_password:
        revoke_all_of(instance.pk)
        end_all_of(instance.pk)


def connect() -> None:
    pre_save.connect(end_tokens, sender=get_user_model(), dispatch_uid="access.end_tokens")
