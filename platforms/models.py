"""Platform: one selling account on one channel."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.encryption import EncryptedJSONField, SecretDict, Unreadable, keyed_digest, keyed_digests

SYNC_PERMISSION = "platforms.sync_platform"  # to start and cancel syncs, and to resolve failures
CREDENTIALS = "platforms.credentials"  # what their digest is for
CONFIG_COLUMNS = ("api_config", "credentials_set_at")  # written together


class Source(models.TextChoices):
    """Where a row came from. Only live rows are business; the others are never totalled."""

    LIVE = "live", _("live")
    SANDBOX = "sandbox", _("sandbox")
    MOCK = "mock", _("mock")


class Platform(models.Model):
    name = models.SlugField(
        _("name"),
        max_length=64,
        unique=True,
        help_text=_("Short name used in commands and URLs, e.g. shop-de."),
    )
    # A channel of integrations/registry.py, which this app does not know: forms and API refuse any other. The default
    # is what it was while there was one channel, for code that names none.
    kind = models.CharField(_("kind"), max_length=32, default="amazon")
    display_name = models.CharField(_("display name"), max_length=128, blank=True)
    is_active = models.BooleanField(
        _("active"),
        default=True,
        help_text=_("Inactive platforms are left out when all platforms are synced."),
    )
    # NULL reads as {}, so that no caller has to look for None.
    api_config = EncryptedJSONField(_("credentials"), default=SecretDict, blank=True, null=True)  # type: ignore[misc]
    # When each value of api_config was last given another one: {"client_secret": "2026-03-12T14:00:00+00:00"}.
    credentials_set_at = models.JSONField(default=dict, blank=True, editable=False)
    include_pii = models.BooleanField(
        _("store buyer data"),
        default=False,
        help_text=_(
            "Ask the platform for names, e-mail and addresses. Stored encrypted, deleted 30 days after delivery."
        ),
    )
    orders_interval = models.PositiveIntegerField(
        _("orders every"), default=15, help_text=_("Minutes between scheduled orders syncs; 0: only by hand.")
    )
    inventory_interval = models.PositiveIntegerField(
        _("inventory every"),
        default=60,
        help_text=_("Minutes between scheduled inventory syncs; 0: only by hand."),
    )
    # Orders are complete up to here, for exactly this scope (region and marketplaces). A platform that is given
    # another marketplace starts over, since that marketplace's older orders were never asked for.
    orders_watermark = models.DateTimeField(_("orders complete until"), null=True, blank=True, editable=False)
    orders_watermark_scope = models.CharField(max_length=1024, blank=True, default="", editable=False)
    # Data sets that the platform refused: {"BUYER": "2026-03-12T14:00:00+00:00"}, the time when they are tried again.
    refused_datasets = models.JSONField(default=dict, blank=True, editable=False)
    checked_at = models.DateTimeField(_("last check"), null=True, blank=True, editable=False)
    check_outcome = models.JSONField(_("outcome of the last check"), default=dict, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "platforms"
        ordering = ("name",)
        verbose_name = _("platform")
        verbose_name_plural = _("platforms")
        permissions = [("sync_platform", "Can start a sync")]

    def __str__(self) -> str:
        return self.display_name or self.name

    def save(self, **options: Any) -> None:
        """With other credentials, what the platform refused before is asked for again."""
        fields = options.get("update_fields")
        if (fields is None or "api_config" in fields) and self._has_new_credentials():
            self.ask_for_refused_datasets()
            if fields is not None:
                options["update_fields"] = {*fields, "refused_datasets"}
        super().save(**options)

    @property
    def config_problem(self) -> str:
        """Why api_config cannot be read, as a sentence; empty where it can."""
        if isinstance(self.api_config, Unreadable):
            return (
                f"The credentials stored for platform {self.name} cannot be read: {self.api_config.reason}."
            )
        return ""

    @property
    def is_configured(self) -> bool:
        """Whether anything is stored in api_config, readable and complete or not."""
        return bool(self.api_config) or isinstance(self.api_config, Unreadable)

    @property
    def credentials_digest(self) -> str:
        """Tells these credentials from others without revealing them; "" where none can be read."""
        return keyed_digest(self._credentials_text, purpose=CREDENTIALS) if self._credentials_text else ""

    def has_credentials(self, digest: str) -> bool:
        """Whether `digest`, a `credentials_digest` from earlier, is of these credentials.

        It may have been made before FIELD_ENCRYPTION_KEY was given another first key.
        """
        text = self._credentials_text
        return digest in keyed_digests(text, purpose=CREDENTIALS) if text else not digest

    @property
    def _credentials_text(self) -> bytes:
        if not self.api_config or isinstance(self.api_config, Unreadable):
            return b""
        return json.dumps(self.api_config, sort_keys=True, default=str).encode()

    def ask_for_refused_datasets(self, names: Collection[str] | None = None) -> None:
        """From now on these data sets (None: all) are asked for again. Does not save.

        They stay on the list until the platform answers, which shows that earlier orders lack them.
        """
        now = timezone.now().replace(microsecond=0).isoformat()
        again = self.refused_datasets if names is None else names
        self.refused_datasets = self.refused_datasets | dict.fromkeys(again, now)

    def _has_new_credentials(self) -> bool:
        stored = Platform.objects.filter(pk=self.pk).only("api_config").first() if self.pk else None
        return stored is not None and stored.credentials_digest != self.credentials_digest

    def replace_config(self, values: Mapping[str, Any]) -> None:
        """Take these credentials in the place of the stored ones, and remember when which of them changed.

        Does not save: `CONFIG_COLUMNS` have to be.
        """
        now = timezone.now().isoformat()
        before: Mapping[str, Any] = self.api_config or {}
        kept = {name: at for name, at in self.credentials_set_at.items() if name in values}
        self.credentials_set_at = kept | {
            name: now for name, value in values.items() if value != before.get(name)
        }
        self.api_config = SecretDict(values)

    def encrypt_plain_config(self) -> bool:
        """Encrypt credentials that were written as plain JSON with SQL. True where there was something to do."""
        with transaction.atomic():
            # Read again under the lock: somebody may have written other credentials in between.
            locked = Platform.objects.select_for_update().get(pk=self.pk)
            if locked.api_config.was_plain:
                # What stood there before is not known, so all of them are taken for new.
                locked.ask_for_refused_datasets()
                self.refused_datasets = locked.refused_datasets
                locked.credentials_set_at = dict.fromkeys(locked.api_config, timezone.now().isoformat())
                locked.save(update_fields=[*CONFIG_COLUMNS, "refused_datasets"])
                return True
        return False


# For lists of what platforms have: one query for all of them. Without the credentials, which would be decrypted for
# every row; and not joined: with few platforms MariaDB starts from them, and sorts the whole other table.
PLATFORM = models.Prefetch("platform", Platform.objects.defer("api_config"))
