from typing import Any

from integrations.as_json import stock_audit_as_json
from integrations.channel import Channel
from integrations.completeness.stock.audits import request_stock_audit, run_stock_audit
from integrations.management.audit_command import SHOWN, AuditCommand
from integrations.models import AuditFinding, StockAudit, SyncLog
from integrations.sync.stop_signal import StopSignal
from platforms.models import Platform


class Command(AuditCommand[StockAudit]):
    of = "stock"
    help = (
        "Compare the stock that platforms list with what is stored, and read again what is missing or different.\n\n"
        "It asks the platform for its list of the stock of each marketplace, or takes one that was made shortly\n"
        "before, waits until it is made, and compares it with the database. Each SKU that is missing or not as\n"
        "listed is read again by its name, and compared again. An audit that was interrupted goes on where it\n"
        "stopped. A list that is refused is asked for again half an hour later, twice."
    )
    examples = (
        "examples:\n"
        "  manage.py audit_inventory                    of all active platforms\n"
        "  manage.py audit_inventory amazon             of one platform\n"
        "  manage.py audit_inventory amazon --json | jq .marketplaces\n\n"
        "exit status:\n"
        "  0  all stock that the platforms list is here now\n"
        "  1  an audit failed; what was read is stored\n"
        "  2  wrong usage; nothing was changed\n"
        "  3  some SKUs could not be brought in line, or a marketplace could not be compared; they are listed\n"
    )

    def makes_lists(self, channel: Channel) -> bool:
        return channel.lists_stock

    def request(self, platform: Platform, options: dict[str, Any]) -> tuple[StockAudit, bool]:
        return request_stock_audit(platform, trigger=SyncLog.Trigger.COMMAND)

    def work(self, audit: StockAudit, stop: StopSignal) -> StockAudit:
        return run_stock_audit(audit.pk, stopping=stop.received)

    def as_json(self, audit: StockAudit) -> dict[str, Any]:
        return stock_audit_as_json(audit)

    def show(self, audit: StockAudit, *, good: bool) -> None:
        self.report(
            f"  {audit.compared} compared: {audit.missing} missing, {audit.different} different; {audit.healed} "
            f"healed, {audit.open} open; {audit.only_here} only here; {audit.unread} rows not read",
            good=good,
        )
        for place in audit.marketplaces.order_by("marketplace_id"):
            text = f"  {place.marketplace_id}: {place.state}, {place.listings} listings"
            self.report(text + (f": {place.error_message}" if place.error_message else ""), good=good)
        findings = audit.findings.filter(outcome=AuditFinding.Outcome.OPEN)
        for found in findings[:SHOWN]:
            text = f"{found.sku} in {found.marketplace_id} ({found.error_code}): {found.error_message}"
            self.report(f"  open: {text}", good=False)
