"""The connection check of a platform: does it work, and what is missing?"""

from contextlib import closing
from dataclasses import asdict

from django.utils import timezone

from integrations.errors import ConfigError
from integrations.protocol import Finding
from integrations.sync import datasets
from integrations.sync.connection import adapter_of
from platforms.models import Platform


def check_platform(platform: Platform) -> list[Finding]:
    """Try what a sync of this platform needs. Stores only the time of the check and its findings. If a data set is no
    longer refused, the next sync asks for it again.

    Never raises for a problem of the platform: the findings report it.
    """
    platform.encrypt_plain_config()
    try:
        states = list(platform.stream_states.all())
        adapter = adapter_of(platform, states)
    except ConfigError as error:
        findings = [Finding(step="credentials", ok=False, message=str(error), code=error.code)]
    else:
        with closing(adapter):
            findings = [
                Finding(step="credentials", ok=not adapter.notes, message=note.message, code=note.code)
                for note in adapter.notes
            ] or [Finding(step="credentials", ok=True, message="The credentials are complete.")]
            findings += adapter.check()
            datasets.ask_again(states, adapter.datasets)
    platform.checked_at = timezone.now()
    platform.check_outcome = {"ok": is_fine(findings), "findings": [asdict(finding) for finding in findings]}
    platform.save(update_fields=["checked_at", "check_outcome"])
    return findings


def is_fine(findings: list[Finding]) -> bool:
    """Whether no problem was found; a step that could not be checked is no problem."""
    return all(finding.ok is not False for finding in findings)
