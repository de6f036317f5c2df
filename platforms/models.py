"""Platform: one selling account on one channel."""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.conf import settings
from django.db import connection, models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.encryption import (
    FERNET_PREFIX,
    EncryptedJSONField,
    SecretDict,
    Unreadable,
    keyed_digest,
    keyed_digests,
)
from feed.models import Change
from feed.recording import Changed, add_changes

SYNC_PERMISSION = "platforms.sync_platform"  # to start and cancel syncs, and to resolve failures
CREDENTIALS = "platforms.credentials"  # what their digest is for
CONFIG_COLUMNS = ("api_config", "credentials_set_at")  # written together
# What people set: the change feed tells of it.
CHOSEN = ("name", "kind", "display_name", "is_active", "api_config", "include_pii", "show_pictures")


class Source(models.TextChoices):
    """Where a row came from. Only live rows are business; the others are never totalled.

    In a demonstration, what would be live is not: it says so in the database, API and exports, and any other OMS that
    meets such a row takes it for no business.
    """

    LIVE = ("demo", _("demo")) if settings.DEMO else ("live", _("live"))
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
    show_pictures = models.BooleanField(
        _("show pictures of products"),
        default=False,
        db_default=False,
        help_text=_(
            "Ask the platform for a small picture of each product that is ordered or in stock, once, and show it in "
            "lists, on orders and on pick lists."
        ),
    )
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
        """`credentials_set_at` says since when each value is this one, however it was given."""
        fields = options.get("update_fields")
        if fields is None or "api_config" in fields:
            self._date_new_credentials()
            if fields is not None:
                options["update_fields"] = {*fields, *CONFIG_COLUMNS}
        with transaction.atomic():
            changed = self._newly_chosen(options.get("update_fields"))
            super().save(**options)
            if changed:
                add_platform_change(self, changed)

    @property
    def config_problem(self) -> str:
        """Why api_config cannot be read, as a sentence; empty where it can."""
        if isinstance(self.api_config, Unreadable):
            return (
                f"The credentials stored for platform {self.name} cannot be read: {self.api_config.reason}."
            )
        return ""

    @property
    def has_plain_config(self) -> bool:
        """Whether api_config is stored unencrypted, as somebody wrote it with SQL; until the scheduler's next turn."""
        config = self.api_config
        if isinstance(config, Unreadable):
            return not config.stored.startswith(FERNET_PREFIX)
        return bool(config) and config.was_plain

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

    def _newly_chosen(self, written: Collection[str] | None) -> list[str]:
        """The columns of CHOSEN, among those `written` (None: all), that differ from what is stored. Nobody else
        writes the row until the transaction ends, so what this compares with is what it replaces."""
        names = [name for name in CHOSEN if written is None or name in written]
        rows = Platform.objects.select_for_update(no_key=connection.features.has_select_for_no_key_update)
        stored = rows.filter(pk=self.pk).first() if names and self.pk else None
        if stored is None:
            return names
        return [name for name in names if self._differs(stored, name)]

    def _differs(self, stored: "Platform", name: str) -> bool:
        if name == "api_config":
            return self.credentials_digest != stored.credentials_digest
        return bool(getattr(self, name) != getattr(stored, name))

    def _date_new_credentials(self) -> None:
        """For values that were not given through `replace_config`, which has done it already."""
        stored = Platform.objects.filter(pk=self.pk).only(*CONFIG_COLUMNS).first() if self.pk else None
        if stored is None or stored.credentials_digest == self.credentials_digest:
            return
        if stored.credentials_set_at == self.credentials_set_at and isinstance(
            self.api_config, Mapping | None
        ):
            self._date_what_differs(self.api_config or {}, stored.api_config or {})

    def _date_what_differs(self, values: Mapping[str, Any], before: Mapping[str, Any]) -> None:
        now = timezone.now().isoformat()
        kept = {name: at for name, at in self.credentials_set_at.items() if name in values}
        self.credentials_set_at = kept | {
            name: now for name, value in values.items() if value != before.get(name)
        }

    def replace_config(self, values: Mapping[str, Any]) -> None:
        """Take these credentials in the place of the stored ones, and remember when which of them changed.

        Does not save: `CONFIG_COLUMNS` have to be.
        """
        self._date_what_differs(values, self.api_config or {})
        self.api_config = SecretDict(values)

    def encrypt_plain_config(self) -> bool:
        """Encrypt credentials that were written as plain JSON with SQL. True where there was something to do."""
        with transaction.atomic():
            # Read again under the lock: somebody may have written other credentials in between.
            locked = Platform.objects.select_for_update().get(pk=self.pk)
            if locked.api_config.was_plain:
                # What stood there before is not known, so all of them are taken for new.
                locked.credentials_set_at = dict.fromkeys(locked.api_config, timezone.now().isoformat())
                self.credentials_set_at = locked.credentials_set_at
                locked.save(update_fields=CONFIG_COLUMNS)
                return True
        return False


def add_platform_change(platform: Platform, fields: Iterable[str]) -> None:
    """Note in the change feed that these fields of a platform became different."""
    add_changes(Change.Kind.PLATFORM_CHANGED, platform.pk, [Changed(platform.pk, platform.name, fields)])


# For lists of what platforms have: one query for all of them. Without the credentials, which would be decrypted for
# every row; and not joined: with few platforms MariaDB starts from them, and sorts the whole other table.
PLATFORM = models.Prefetch("platform", Platform.objects.defer("api_config"))
