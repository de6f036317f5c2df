"""Replaces the secret of an application, which all platforms of this application share, by a new one of the channel."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction

from audit.recording import record
from core.encryption import Unreadable
from integrations.channel import SecretRotation
from integrations.errors import ConfigError, PlatformError
from integrations.lookup.credentials import replace_tried
from integrations.registry import CHANNELS
from platforms.models import Platform


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one platform. `problem`: why it keeps the secret it had, None where it has the new one."""

    platform: Platform
    problem: str | None


def rotation_of(platform: Platform) -> SecretRotation:
    """Raises ConfigError where its channel has none, or the credentials cannot be read."""
    channel = CHANNELS.get(platform.kind)
    if channel is None or channel.rotation is None:
        raise ConfigError(f"The channel of platform {platform.name} makes no new secrets.")
    if isinstance(platform.api_config, Unreadable) or not platform.api_config:
        raise ConfigError(platform.config_problem or f"Platform {platform.name} has no credentials.")
    return channel.rotation


def ask_for_secret(platform: Platform) -> None:
    """Have the channel make a new one. Nothing that is stored changes. Raises PlatformError."""
    rotation = rotation_of(platform)
    record("secret.requested", platform)  # before: what the channel did is not undone
    rotation.ask(platform.api_config)


def take_secret(platform: Platform, pasted: str) -> list[Taken]:
    """Store the new secret for each platform of the application with which the channel lets its account log in; the
    others keep what they have. `platform` is tried first: where the channel refuses that, none of the others is.

    Raises PlatformError: nothing was changed.
    """
    rotation = rotation_of(platform)
    secret = rotation.read(pasted, platform.api_config)
    rotation.log_in({**platform.api_config, rotation.value: secret})
    taken = []
    for each in [platform, *_others(platform, rotation)]:
        problem = None
        try:
            if each != platform:
                rotation.log_in({**each.api_config, rotation.value: secret})
            with transaction.atomic():
                replace_tried(each, {**each.api_config, rotation.value: secret})
        except PlatformError as error:
            problem = str(error)
        taken.append(Taken(each, problem))
    return taken


def _others(platform: Platform, rotation: SecretRotation) -> Iterator[Platform]:
    application = rotation.application(platform.api_config)
    for other in Platform.objects.filter(kind=platform.kind).exclude(pk=platform.pk).order_by("name"):
        config = other.api_config
        if config and not isinstance(config, Unreadable) and rotation.application(config) == application:
            yield other
