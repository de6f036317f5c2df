"""Whether OMS writes to a platform: off, as a rehearsal, or for real; and the one switch that stops all writing. Read
here; people change it through switching.py."""

from collections.abc import Collection

from integrations.models import WritingPolicy, WritingStop
from platforms.models import Platform

Mode = WritingPolicy.Mode


def policy_of(platform: Platform) -> WritingPolicy:
    """The stored one; where nobody decided, one that is off, and not stored."""
    return WritingPolicy.objects.filter(platform=platform).first() or WritingPolicy(platform=platform)


def modes_of(platform_ids: Collection[int]) -> dict[int, str]:
    """The mode of each of these platforms. One query."""
    stored = dict(WritingPolicy.objects.filter(platform__in=platform_ids).values_list("platform", "mode"))
    return {pk: stored.get(pk, Mode.OFF) for pk in platform_ids}


def writing_stop() -> WritingStop:
    """The switch as it stands; where nobody ever used it, one that is not stored and stops nothing."""
    return WritingStop.objects.filter(pk=WritingStop.ONLY).first() or WritingStop()


def is_stopped() -> bool:
    return WritingStop.objects.filter(pk=WritingStop.ONLY, is_stopped=True).exists()
