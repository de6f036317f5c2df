import signal
from typing import Any

from django.core.management.base import CommandParser

from integrations.management.base import OmsCommand, check_database
from integrations.management.every_minute import EveryMinute, call_all
from integrations.sync.stop_signal import StopSignal
from webhooks.dispatch import Dispatcher
from webhooks.leases import active_senders
from webhooks.models import Endpoint


class Command(OmsCommand):
    is_service = True
    help = (
        "Tell webhooks of what has changed, until it is stopped.\n\n"
        "It reads the change feed for each webhook from where that has come to, and sends what is due: in\n"
        "order for each object, signed, again with growing pauses for three days. A receiver that is slow\n"
        "or dead delays itself alone. Whatever kills it, nothing is lost: what was not confirmed is sent\n"
        "again, with the same id. It may be started on several hosts: each webhook has one sender, and\n"
        "another one takes over within a minute. Stop it with Ctrl-C or SIGTERM.\n\n"
        "Once a minute it also looks for what people have to be told of (docs/alerts.md)."
    )
    examples = (
        "examples:\n"
        "  manage.py run_webhooks           until it is stopped\n"
        "  manage.py run_webhooks --once    send what is due now, e.g. from cron every minute\n\n"
        "exit status:\n"
        "  0  stopped, or with --once: nothing is due any more; what failed is tried again when its time comes\n"
    )
    needs_database = False  # it waits for a database that is not there yet

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="send what is due now, say how much, and exit"
        )

    def run(self, options: dict[str, Any], /) -> None:
        dispatcher = Dispatcher()
        if options["once"]:
            self._once(dispatcher)
            return
        with StopSignal(signal.SIGTERM, signal.SIGINT) as stop, EveryMinute():
            self.tell("Webhooks: sending what changes.")
            dispatcher.run(stop.received)
        self.tell(f"Webhooks stopped: {dispatcher.delivered} delivered, {dispatcher.failed} attempts failed.")

    def _once(self, dispatcher: Dispatcher) -> None:
        check_database()
        others = active_senders()
        call_all()
        dispatcher.run_once()
        self.tell(f"{dispatcher.delivered} delivered, {dispatcher.failed} attempts failed.")
        if others and Endpoint.objects.filter(is_active=True).exists():
            self.tell(f"Another process is sending ({', '.join(others)}); what it holds was left to it.")
