"""Entries of the audit in words."""

import json
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.models import AuditEntry
from audit.recording import CHANGED
from core.format import DASH

ACTIONS: dict[str, Promise] = {
    "login.succeeded": gettext_lazy("signed in"),
    "login.failed": gettext_lazy("failed to sign in"),
    "login.refused": gettext_lazy("attempts to sign in refused"),
    "login.ended": gettext_lazy("signed out"),
    "login.locked": gettext_lazy("signing in locked"),
    "login.unlocked": gettext_lazy("signing in unlocked"),
    "session.ended": gettext_lazy("sessions ended"),
    "oidc.connected": gettext_lazy("connected with an account at the provider"),
    "oidc.disconnected": gettext_lazy("disconnected from the account at the provider"),
    "factor.added": gettext_lazy("second factor set up"),
    "factor.removed": gettext_lazy("second factor removed"),
    "factor.reset": gettext_lazy("second factor taken away"),
    "factor.failed": gettext_lazy("wrong code of the second factor"),
    "factor.refused": gettext_lazy("attempts with the second factor refused"),
    "factor.code_used": gettext_lazy("recovery code used"),
    "factor.codes_renewed": gettext_lazy("recovery codes made anew"),
    "administrator.appeared": gettext_lazy("new administrator"),
    "user.added": gettext_lazy("user added"),
    "user.changed": gettext_lazy("user changed"),
    "user.invited": gettext_lazy("link to choose a password made"),
    "user.reset_asked": gettext_lazy("link to choose a password asked for by e-mail"),
    "user.deleted": gettext_lazy("user deleted"),
    "group.added": gettext_lazy("group added"),
    "group.changed": gettext_lazy("group changed"),
    "group.deleted": gettext_lazy("group deleted"),
    "token.added": gettext_lazy("API token made"),
    "token.changed": gettext_lazy("API token changed"),
    "token.deleted": gettext_lazy("API token revoked"),
    "token.locked": gettext_lazy("API refused an address that guesses tokens"),
    "token.refused": gettext_lazy("tokens of an address refused by the API"),
    "token.guessed": gettext_lazy("somebody knows the beginning of an API token"),
    "platform.added": gettext_lazy("platform added"),
    "platform.changed": gettext_lazy("platform changed"),
    "platform.deleted": gettext_lazy("platform deleted"),
    "webhook.added": gettext_lazy("webhook added"),
    "webhook.changed": gettext_lazy("webhook changed"),
    "webhook.deleted": gettext_lazy("webhook deleted"),
    "webhook.tested": gettext_lazy("webhook tested"),
    "webhook.replayed": gettext_lazy("deliveries sent again"),
    "threshold.changed": gettext_lazy("threshold changed"),
    "sku_settings.changed": gettext_lazy("settings of a SKU changed"),
    "sku_tag.changed": gettext_lazy("days of a tag of SKUs changed"),
    "sync.cancelled": gettext_lazy("sync cancelled"),
    "failure.replayed": gettext_lazy("failure replayed"),
    "failure.dismissed": gettext_lazy("failure dismissed"),
    "list.exported": gettext_lazy("list exported"),
    "export.added": gettext_lazy("scheduled export added"),
    "export.changed": gettext_lazy("scheduled export changed"),
    "export.deleted": gettext_lazy("scheduled export deleted"),
    "export.sent": gettext_lazy("scheduled export sent"),
    "buyer_data.read": gettext_lazy("buyer data read"),
    "buyer_data.searched": gettext_lazy("buyer data searched for an e-mail address"),
    "buyer_data.purged": gettext_lazy("buyer data deleted in time"),
    "buyer_data.erasure_asked": gettext_lazy("erasing the buyer data of a platform asked for"),
    "buyer_data.erased": gettext_lazy("buyer data erased on request"),
    "shipment.made": gettext_lazy("shipment made"),
    "shipment.queued": gettext_lazy("draft of a shipment sent"),
    "shipment.corrected": gettext_lazy("shipment corrected"),
    "shipment.retried": gettext_lazy("shipment sent again"),
    "labels.unused": gettext_lazy("labels that are not used: shipped all the same"),
    "labels.used": gettext_lazy("labels are used after all"),
    "shipment.cancelled": gettext_lazy("shipment cancelled"),
    "collection.changed": gettext_lazy("collection of parcels changed"),
    "writing.changed": gettext_lazy("writing to a platform changed"),
    "writing.stopped": gettext_lazy("all writing to platforms stopped"),
    "writing.resumed": gettext_lazy("writing to platforms resumed"),
    "order.noted": gettext_lazy("note written"),
    "order.tagged": gettext_lazy("tags changed"),
    "order.assigned": gettext_lazy("assigned"),
    "orders.pruned": gettext_lazy("old orders deleted"),
    "hold.added": gettext_lazy("legal hold added"),
    "hold.changed": gettext_lazy("legal hold changed"),
    "hold.deleted": gettext_lazy("legal hold ended"),
    "stock.ended": gettext_lazy("no stock on the platform any more"),
    "mock_data.purged": gettext_lazy("made-up data deleted"),
    "platform.authorised": gettext_lazy("platform authorised on the channel's pages"),
    "secret.requested": gettext_lazy("new client secret asked for"),
    "secrets.reencrypted": gettext_lazy("secrets encrypted anew"),
    "audit.pruned": gettext_lazy("old entries of the audit deleted"),
}


NOTHING = ([None, ""], [None, None], ["", ""])  # of a row that is new


def action_text(entry: AuditEntry) -> str:
    return str(ACTIONS.get(entry.action, entry.action))


def actor_text(entry: AuditEntry) -> str:
    return entry.actor or (entry.get_door_display() if entry.door == AuditEntry.Door.SERVICE else DASH)


def change_lines(entry: AuditEntry) -> list[str]:
    """One line for each field: `is_active: true → false`; none for a field that was empty and is empty."""
    return [f"{name}: {_change(value)}" for name, value in entry.changes.items() if value not in NOTHING]


def _change(value: Any) -> str:
    if value == CHANGED:
        return _("changed (a secret)")
    if isinstance(value, list) and len(value) == 2:
        return f"{_value(value[0])} → {_value(value[1])}"
    return _value(value)


def _value(value: Any) -> str:
    if value is None or value == "":
        return DASH
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
