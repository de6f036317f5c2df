"""Endpoint: an address that is told of events. Delivery: one event for one endpoint, and how telling it went. Event:
one that is no change of the feed."""

from datetime import datetime

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.database.fields import ExactCharField
from core.encryption import EncryptedJSONField, SecretDict

SIGNING_SECRETS = "secrets"  # the name in Endpoint.signing_secrets


class Endpoint(models.Model):
    """Where events are sent. `position` is the sequence of the last change that became a delivery or was passed over,
    `event_position` the id of the last Event.

    While it is switched off, all that waits for it waits: nothing moves its positions.
    """

    class Off(models.TextChoices):
        """Why it is switched off."""

        BY_HAND = "by_hand", _("by hand")
        FAILING = "failing", _("nothing was delivered for three days")
        GONE = "gone", _("the receiver answered 410 Gone")
        TOO_LATE = "too_late", _("the changes that it missed are no longer kept")

    name = models.CharField(_("name"), max_length=128)
    url = models.CharField("URL", max_length=2048)
    # NULL means all; a list means exactly these, also where it is empty.
    events = models.JSONField(_("events"), null=True, blank=True)
    platform_ids = models.JSONField(_("platforms"), null=True, blank=True)
    # {"secrets": [{"secret": "whsec_…", "until": null}, …]}: the first is the current one; webhooks/signing.py.
    signing_secrets = EncryptedJSONField(default=SecretDict, blank=True, null=True, editable=False)  # type: ignore[misc]
    is_active = models.BooleanField(_("active"), default=True)
    off_reason = models.CharField(
        _("switched off"), max_length=16, choices=Off.choices, blank=True, default=""
    )
    switched_off_at = models.DateTimeField(_("switched off at"), null=True, blank=True, editable=False)
    position = models.BigIntegerField(_("position in the feed"), default=0, editable=False)
    event_position = models.BigIntegerField(default=0, editable=False)
    # Since when every attempt has failed, and until when none is made.
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True, editable=False)
    paused_until = models.DateTimeField(_("next attempt"), null=True, blank=True, editable=False)
    last_delivered_at = models.DateTimeField(_("last delivery"), null=True, blank=True, editable=False)
    # Which process sends for it, and until when it has said so: webhooks/leases.py.
    lease_token = models.CharField(max_length=32, blank=True, default="", editable=False)
    lease_holder = models.CharField(max_length=255, blank=True, default="", editable=False)
    lease_expires_at = models.DateTimeField(default=timezone.now, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        db_table = "webhook_endpoints"
        ordering = ("name", "id")
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    def __str__(self) -> str:
        return self.name

    def is_paused(self, now: datetime) -> bool:
        return self.paused_until is not None and self.paused_until > now


class Delivery(models.Model):
    """`message_id` stays the same over all attempts and replays: receivers know a message by it.

    Deliveries of one endpoint with the same `object_key` are sent in the order of their ids, each once the one before
    is no longer pending.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("pending")
        DELIVERED = "delivered", _("delivered")
        FAILED = "failed", _("failed")  # given up; to be replayed by a person

    class Problem(models.TextChoices):
        """Why the last attempt was no delivery; empty where it was one."""

        REFUSED = "refused", _("the receiver refused it")  # an answer with a status that is not 2xx
        REDIRECT = "redirect", _("the receiver redirects; redirects are not followed")
        TIMEOUT = "timeout", _("the receiver did not answer in time")
        CONNECTION = "connection", _("the connection failed")
        UNKNOWN_HOST = "unknown_host", _("the host name is not known")
        TLS = "tls", _("the receiver's certificate or TLS was refused")
        PRIVATE_ADDRESS = "private_address", _("the host is at an address that OMS does not call")
        HTTPS_REQUIRED = "https_required", _("the URL is not HTTPS")
        BROKEN_ANSWER = "broken_answer", _("the answer was no HTTP")
        UNREADABLE_SECRET = "unreadable_secret", _("the signing secret cannot be read")

    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.CASCADE, related_name="deliveries", verbose_name=_("webhook")
    )
    message_id = models.CharField(_("message"), max_length=64, unique=True)
    event = models.CharField(_("event"), max_length=64)
    sequence = models.BigIntegerField(_("change"), null=True, blank=True)  # NULL: no change of the feed
    object_key = models.CharField(max_length=64, blank=True, default="")
    # As the change has it: order id, SKU. NULL is possible so that adding it rewrote no table on SQLite.
    external_id = ExactCharField(_("order id or SKU"), max_length=255, null=True)  # type: ignore[misc]
    # Of which platform it speaks; NULL: of none. No foreign key: the log outlives a platform.
    platform_id = models.BigIntegerField(null=True)
    body = models.TextField(_("body"))
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    first_attempt_at = models.DateTimeField(null=True, blank=True)
    attempted_at = models.DateTimeField(_("last attempt"), null=True, blank=True)
    next_at = models.DateTimeField(_("next attempt"), null=True, blank=True)  # NULL once it is not pending
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)
    # Of the last attempt.
    status = models.PositiveSmallIntegerField("HTTP", null=True, blank=True)
    problem = models.CharField(_("problem"), max_length=32, choices=Problem.choices, blank=True, default="")
    seconds = models.FloatField(_("seconds"), null=True, blank=True)
    answer = models.TextField(_("beginning of the answer"), blank=True, default="")

    class Meta:
        db_table = "webhook_deliveries"
        ordering = ("-id",)
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        default_permissions = ("view",)
        constraints = [
            # NULL, of an event that is no change, equals nothing.
            models.UniqueConstraint(fields=("endpoint", "sequence"), name="one_delivery_per_change"),
        ]
        indexes = [
            models.Index(fields=("endpoint", "state", "id"), name="webhook_delivery_mine"),
            models.Index(fields=("endpoint", "object_key", "state"), name="webhook_delivery_object"),
            models.Index(fields=("created_at",), name="webhook_delivery_age"),
            # The filters of the lists, which have the newest first.
            models.Index(fields=("state", "id"), name="webhook_delivery_state"),
            models.Index(fields=("event", "id"), name="webhook_delivery_event"),
            models.Index(fields=("external_id", "id"), name="webhook_delivery_external"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.message_id}"


class Event(models.Model):
    """What happened, once for all endpoints. Ids are in the order in which they were committed (EventTurn), so an
    endpoint that has come to one of them has missed none before it."""

    event = models.CharField(max_length=64)
    platform_id = models.BigIntegerField(null=True)
    object_key = models.CharField(max_length=64)
    body = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "webhook_events"
        ordering = ("id",)
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.event} {self.object_key}"


class EventTurn(models.Model):
    """One row. Whoever adds an event holds its lock until that is committed."""

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)

    class Meta:
        db_table = "webhook_event_turn"
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.pk)

    @classmethod
    def wait_for(cls) -> None:
        """In a transaction: until that ends, nobody else adds an event."""
        cls.objects.get_or_create(pk=cls.ONLY)
        cls.objects.select_for_update().get(pk=cls.ONLY)
