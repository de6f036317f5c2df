"""The connection check of a platform: does it work, and what is missing?"""

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

from django.utils import timezone, translation
from django.utils.dateparse import parse_datetime

from core.text import storable
from integrations.errors import ConfigError
from integrations.models import SyncLog
from integrations.protocol import Adapter, Finding, Note, Window
from integrations.quota.same_account import same_account_line
from integrations.registry import site_of
from integrations.sync import datasets, parts
from integrations.sync.connection import adapter_of
from integrations.sync.look_back import late_lines
from integrations.sync.streams.base import window_of
from integrations.sync.streams.stock_doubts import parts_with_stock
from integrations.sync.windows import platform_now, settle_window
from platforms.models import Platform

SAME_ACCOUNT = "same_account"  # the code of a finding that names other platforms


class NextWindow:
    """Settles the window of an orders sync that would start now, and keeps what that sync would note of it."""

    def __init__(self, platform: Platform, adapter: Adapter) -> None:
        self.notes: tuple[Note, ...] = ()
        self._log = SyncLog(platform=platform, kind=SyncLog.Kind.ORDERS, window_by=SyncLog.WindowBy.UPDATED)
        self._adapter = adapter

    def __call__(self) -> Window:
        """Raises PlatformError."""
        self.notes = settle_window(self._log, self._adapter.scope, platform_now(self._adapter))
        return window_of(self._log)


class _Stored:
    """Corrects a finding that is contradicted by what is stored: no stock, where some is stored as listed."""

    def __init__(self, platform: Platform, source: str) -> None:
        sites = [site_of(platform.kind, part) for part in parts_with_stock(platform, source)]
        self._countries = {f"inventory {site.code}": site.name for site in sites if site}

    def __call__(self, finding: Finding) -> Finding:
        country = self._countries.get(finding.step)
        if finding.code != "no_fba" or country is None:
            return finding
        text = (
            f"The list of stock was refused, as it is where an account keeps none, but stock of {country} is stored as "
            "listed. Syncs of stock fail until it is listed again. Often this passes: check again in an hour."
        )
        return replace(finding, ok=False, code="stock_refused", message=text)


def check_platform(platform: Platform) -> list[Finding]:
    """Try what a sync of this platform needs. Stores only the time of the check and its findings. If a data set is no
    longer refused, or a part of the account, the next sync asks for it again.

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
            next_window = NextWindow(platform, adapter)
            findings += [
                *_same_account(platform),
                *_late_look_backs(platform),
                *map(_Stored(platform, adapter.source), adapter.check(next_window)),
            ]
            findings += [
                Finding(step="window", ok=True, message=note.message, code=note.code)
                for note in next_window.notes
            ]
            datasets.ask_again(states, adapter.datasets)
            parts.ask_again(states, adapter.parts)
    platform.checked_at = timezone.now()
    platform.check_outcome = {
        "ok": is_fine(findings),
        # A platform's own words may hold anything.
        "findings": [storable(finding.as_json()) for finding in findings],
        "sites": next((list(finding.sites) for finding in findings if finding.sites), []),
        "credentials": platform.credentials_digest,
    }
    platform.save(update_fields=["checked_at", "check_outcome"])
    return findings


def is_outdated(platform: Platform) -> bool:
    """Whether the last check was made with other credentials than the stored ones, marketplaces among them."""
    if platform.checked_at is None:
        return False
    digest = platform.check_outcome.get("credentials")
    if digest is not None:
        return not platform.has_credentials(digest)
    return _is_newer(platform, platform.credentials_set_at)  # of a check that kept no digest


def known_sites(platform: Platform, secrets: Iterable[str]) -> list[str]:
    """Ids of the sites that the account takes part in, as the last check found; [] where that is not known, or where
    one of these values of the credentials was given another one since: that may be another account's."""
    if platform.checked_at is None or _is_newer(platform, secrets):
        return []
    return [str(site) for site in platform.check_outcome.get("sites", ())]


def _is_newer(platform: Platform, names: Iterable[str]) -> bool:
    since = platform.checked_at
    moments = [parse_datetime(str(platform.credentials_set_at.get(name) or "")) for name in names]
    return since is not None and any(moment > since for moment in moments if moment)


def _same_account(platform: Platform) -> list[Finding]:
    """Works, but is rarely meant. In English, like all findings: they are stored for every reader."""
    with translation.override("en"):
        line = same_account_line(platform)
    return [Finding(step="account", ok=True, message=line, code=SAME_ACCOUNT)] if line else []


def without_others(findings: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """For a reader who is confined to some platforms: without the finding that names others."""
    return [finding for finding in findings if finding.get("code") != SAME_ACCOUNT]


def _late_look_backs(platform: Platform) -> list[Finding]:
    """Orders that became visible late, and that no free quota was left to find."""
    with translation.override("en"):
        lines = list(late_lines(platform))
    return [Finding(step="look-back", ok=True, message=line, code="look_back_late") for line in lines]


def is_fine(findings: list[Finding]) -> bool:
    """Whether no problem was found; a step that could not be checked is no problem."""
    return all(finding.ok is not False for finding in findings)
