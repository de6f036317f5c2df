"""What the commands that audit have in common: audits of several platforms are worked on in turn, since each waits for
its lists."""

import json
import sys
from datetime import datetime
from typing import Any, Generic

from django.core.management.base import CommandParser
from django.utils import timezone

from integrations.channel import Channel
from integrations.management.base import FAILED, NOT_ALL_GOOD, TERMINATED, OmsCommand, platform_named
from integrations.models import Job
from integrations.models.jobs import AnyJob
from integrations.registry import CHANNELS
from integrations.sync.stop_signal import StopSignal
from platforms.models import Platform

LOOK_AGAIN = 1.0  # seconds; while all wait, or somebody else works on them
SHOWN = 10  # of what stays open


class AuditCommand(OmsCommand, Generic[AnyJob]):
    """`of` is what is audited, in words."""

    of: str

    def makes_lists(self, channel: Channel) -> bool:
        raise NotImplementedError

    def request(self, platform: Platform, options: dict[str, Any]) -> tuple[AnyJob, bool]:
        """The audit, and whether it is new."""
        raise NotImplementedError

    def work(self, audit: AnyJob, stop: StopSignal) -> AnyJob:
        raise NotImplementedError

    def as_json(self, audit: AnyJob) -> dict[str, Any]:
        raise NotImplementedError

    def show(self, audit: AnyJob, *, good: bool) -> None:
        """What was found, in lines for people."""
        raise NotImplementedError

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "platform",
            nargs="?",
            metavar="PLATFORM",
            help=f"name of one platform; without it, all active ones that make lists of {self.of}",
        )
        parser.add_argument(
            "--json",
            action="store_true",
            help="one JSON object per audit on stdout, a line each, with the keys of the API",
        )

    def run(self, options: dict[str, Any], /) -> None:
        audits = [self._request(platform, options) for platform in self._platforms(options["platform"])]
        closed = self._until_closed(audits, as_json=options["json"])
        for audit in closed:
            if audit.is_open:
                self.warn(
                    f"{audit.platform.name}: stopped. Run the same command again to go on with audit #{audit.pk}."
                )
        if status := _exit_status(closed):
            sys.exit(status)

    def _platforms(self, name: str | None) -> list[Platform]:
        if name is not None:
            return [platform_named(name)]
        listing = [kind for kind, channel in CHANNELS.items() if self.makes_lists(channel)]
        active = list(Platform.objects.filter(is_active=True, kind__in=listing).order_by("name"))
        for platform in active:
            if not platform.is_configured:
                self.say(f"{platform.name}: no credentials are stored, so it is not audited.")
        found = [platform for platform in active if platform.is_configured]
        if not found:
            self.say(
                f"No active platform with credentials makes lists of {self.of}; there is nothing to audit."
            )
        return found

    def _request(self, platform: Platform, options: dict[str, Any]) -> AnyJob:
        audit, is_new = self.request(platform, options)
        if not is_new:
            self.say(f"{platform.name}: audit #{audit.pk} is open; going on with it.")
        return audit

    def _until_closed(self, audits: list[AnyJob], *, as_json: bool) -> list[AnyJob]:
        """Work on all of them in turn; those that were not closed when somebody said stop are returned open. Each is
        shown when it is closed."""
        waiting_until: dict[int, datetime] = {}
        with StopSignal() as stop:
            while any(audit.is_open for audit in audits) and not stop.received():
                for number, audit in enumerate(audits):
                    if audit.is_open and not stop.received():
                        audits[number] = audit = self.work(audit, stop)
                        self._tell_wait(audit, waiting_until)
                        if not audit.is_open:
                            self._report(audit, as_json=as_json)
                open_ones = [audit for audit in audits if audit.is_open]
                if open_ones:
                    stop.wait(min(map(_pause, open_ones)))
        for audit in audits:
            if audit.is_open:
                self._report(audit, as_json=as_json)
        return audits

    def _tell_wait(self, audit: AnyJob, said: dict[int, datetime]) -> None:
        if audit.status == Job.Status.WAITING and audit.resume_at not in (None, said.get(audit.pk)):
            assert audit.resume_at is not None  # noqa: S101  for the type checker
            said[audit.pk] = audit.resume_at
            self.say(f"{audit.platform.name}: waiting for the platform until {audit.resume_at:%H:%M:%S} UTC.")

    def _report(self, audit: AnyJob, *, as_json: bool) -> None:
        if as_json:
            self.result(json.dumps(self.as_json(audit)))
            return
        good = audit.status == Job.Status.SUCCEEDED
        self.report(f"{audit.platform.name} {self.of}: {audit.status} (audit #{audit.pk})", good=good)
        self.show(audit, good=good)
        spent = ", ".join(
            f"{one['calls']} {name} ({one['seconds']:.0f} s)" for name, one in sorted(audit.calls.items())
        )
        self.report(f"  calls and the seconds of their quota: {spent or 'none'}", good=good)
        if audit.error_code:
            self.report(f"  error ({audit.error_code}): {audit.error_message}", good=False)


def _exit_status(audits: list[AnyJob]) -> int:
    statuses = {audit.status for audit in audits}
    if statuses & set(Job.OPEN):
        return TERMINATED
    if Job.Status.FAILED in statuses:
        return FAILED
    return NOT_ALL_GOOD if Job.Status.PARTIAL in statuses else 0


def _pause(audit: Job) -> float:
    if audit.resume_at is None:
        return LOOK_AGAIN
    return min(max((audit.resume_at - timezone.now()).total_seconds(), 0.0), LOOK_AGAIN)
