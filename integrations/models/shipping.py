"""What is written to platforms: whether at all (WritingPolicy, WritingStop), who does it (SendingTurn), and what waits
to be sent or was (OutboxEntry)."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orders.models import Order, Shipment
from platforms.models import Platform


class WritingPolicy(models.Model):
    """What OMS may write to a platform. No row means OFF."""

    class Mode(models.TextChoices):
        OFF = "off", _("off: OMS only reads")
        REHEARSAL = "rehearsal", _("rehearsal: OMS shows what it would send, and sends nothing")
        LIVE = "live", _("on: OMS confirms shipments to the platform")

    platform = models.OneToOneField(
        Platform, on_delete=models.CASCADE, related_name="writing", primary_key=True
    )
    mode = models.CharField(_("writing"), max_length=16, choices=Mode.choices, default=Mode.OFF)
    hourly_limit = models.PositiveIntegerField(
        _("shipments in an hour"),
        default=0,
        help_text=_("OMS sends no more than this in any hour, whatever is queued. The rest waits."),
    )
    changed_by = models.CharField(_("changed by"), max_length=150, blank=True, default="")
    changed_at = models.DateTimeField(_("changed"), default=timezone.now)

    class Meta:
        db_table = "writing_policies"
        default_permissions = ("view", "change")
        verbose_name = _("writing to a platform")
        verbose_name_plural = _("writing to platforms")

    def __str__(self) -> str:
        return str(self.platform_id)


class WritingStop(models.Model):
    """The one switch that stops all writing to all platforms at once. One row, or none: nothing was ever stopped."""

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    is_stopped = models.BooleanField(_("stopped"), default=False)
    reason = models.CharField(_("reason"), max_length=500, blank=True, default="")
    changed_by = models.CharField(_("changed by"), max_length=150, blank=True, default="")
    changed_at = models.DateTimeField(_("changed"), default=timezone.now)

    class Meta:
        db_table = "writing_stop"
        default_permissions = ("view", "change")
        verbose_name = _("stop of all writing")
        verbose_name_plural = _("stop of all writing")

    def __str__(self) -> str:
        return str(self.is_stopped)


class SendingTurn(models.Model):
    """Which worker sends the shipments of a platform, one at a time, and until when the platform is left alone."""

    platform = models.OneToOneField(
        Platform, on_delete=models.CASCADE, related_name="sending_turn", primary_key=True
    )
    lease_token = models.CharField(max_length=32, blank=True, default="", editable=False)
    lease_expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Nothing is sent before: out of quota, at the limit of an hour, or refused access.
    paused_until = models.DateTimeField(_("goes on"), null=True, blank=True, editable=False)
    pause_code = models.CharField(_("waits because"), max_length=64, blank=True, default="", editable=False)
    pause_message = models.TextField(blank=True, default="", editable=False)
    troubles = models.PositiveIntegerField(default=0, editable=False)  # in a row, of the platform as a whole
    announced_at = models.DateTimeField(null=True, blank=True, editable=False)  # by the scheduler

    class Meta:
        db_table = "sending_turns"
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.platform_id)


class OutboxQuerySet(models.QuerySet["OutboxEntry"]):
    def open(self) -> "OutboxQuerySet":
        return self.filter(state__in=OutboxEntry.OPEN)

    def due(self) -> "OutboxQuerySet":
        """Those that may be sent now, as far as they know: waiting until now, or lost by who sent them."""
        now, state = timezone.now(), OutboxEntry.State
        lost = Q(state=state.SENDING, lease_expires_at__lt=now)
        return self.filter(lost | Q(state=state.WAITING, next_at__lte=now))


class OutboxEntry(models.Model):
    """One try to tell a platform of a shipment, written in the transaction that makes the shipment or changes it.

    `content` is what is sent: {"package_number", "carrier", "carrier_name", "service", "tracking_number",
    "shipped_at", "lines": {item id: units}}. Entries of one order are sent one after the other, by their ids:
    `order_key` is the id of the order while one of them is under way, which is a constraint of the database.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENDING = "sending", _("sending")
        TAKEN = "taken", _("taken")  # the platform said yes, which is no proof
        REJECTED = "rejected", _("rejected")
        SUPERSEDED = "superseded", _("superseded")  # by a later content, or cancelled
        GIVEN_UP = "given_up", _("given up")
        REHEARSED = "rehearsed", _("rehearsed")
        SEEN = "seen", _("seen")  # the platform showed it before its answer came

    OPEN = (State.WAITING, State.SENDING)

    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="+", db_index=False)
    shipment = models.ForeignKey(Shipment, on_delete=models.CASCADE, related_name="entries")
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="+", db_index=False)
    number = models.PositiveIntegerField()  # of the shipment's tries, from 1
    content = models.JSONField()
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    # Of these, how many may have reached the platform without our knowing.
    unanswered = models.PositiveIntegerField(default=0)
    made_at = models.DateTimeField(_("made"), default=timezone.now)
    next_at = models.DateTimeField(_("next attempt"), default=timezone.now)
    first_attempt_at = models.DateTimeField(null=True, blank=True)
    attempted_at = models.DateTimeField(_("last attempt"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    error_code = models.CharField(_("error code"), max_length=64, blank=True, default="")
    error_message = models.TextField(_("error"), blank=True, default="")
    request_id = models.CharField(_("request id"), max_length=128, blank=True, default="")
    order_key = models.BigIntegerField(unique=True, null=True, blank=True, editable=False)
    lease_token = models.CharField(max_length=32, blank=True, default="", editable=False)
    lease_expires_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = OutboxQuerySet.as_manager()

    class Meta:
        db_table = "shipment_outbox"
        ordering = ("id",)
        default_permissions = ("view",)
        verbose_name = _("try to confirm a shipment")
        verbose_name_plural = _("tries to confirm shipments")
        constraints = [
            models.UniqueConstraint(fields=("shipment", "number"), name="one_entry_per_try"),
        ]
        indexes = [
            # What is to be sent next.
            models.Index(fields=("platform", "state", "next_at"), name="outbox_due"),
            # How many were sent within the last hour.
            models.Index(fields=("platform", "attempted_at"), name="outbox_attempted"),
            # Whether an earlier one of the same order is open.
            models.Index(fields=("order", "state"), name="outbox_order"),
        ]

    def __str__(self) -> str:
        return f"{self.shipment_id}/{self.number}"


class ShipmentColumns(models.Model):
    """Which column says what in files of shipments of a platform with these headings, as somebody said it last.
    `columns` are the fields of integrations.shipping.importing.columns.Columns."""

    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="+", db_index=False)
    fingerprint = models.CharField(max_length=64)  # SHA-256 of the headings
    columns = models.JSONField()
    saved_by = models.CharField(max_length=150, blank=True, default="")
    saved_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "shipment_columns"
        default_permissions = ()
        verbose_name = _("columns of a file of shipments")
        verbose_name_plural = _("columns of files of shipments")
        constraints = [
            models.UniqueConstraint(fields=("platform", "fingerprint"), name="columns_of_shipment_file"),
        ]

    def __str__(self) -> str:
        return self.fingerprint[:8]
