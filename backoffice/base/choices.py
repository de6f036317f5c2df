"""Choices of form fields that stand on several pages."""

from collections.abc import Collection, Iterable
from typing import Any

from django.utils.translation import gettext as _

from access.confinement import Visible, within
from platforms.models import Platform


def platform_choices(visible: Visible = None) -> list[tuple[Any, str]]:
    """These platforms (None: all), by id. Without the credentials, which would be decrypted for their names."""
    platforms = within(Platform.objects.only("name", "display_name"), visible, "pk")
    return [(platform.pk, str(platform)) for platform in platforms]


def with_gone(choices: Collection[tuple[Any, str]], stored: Iterable[Any]) -> list[tuple[Any, str]]:
    """These, and what is stored, such as a platform that was deleted: it must not be lost by looking at it."""
    known = {value for value, _label in choices}
    gone = [(value, _("%(value)s (gone)") % {"value": value}) for value in stored if value not in known]
    return [*choices, *gone]
