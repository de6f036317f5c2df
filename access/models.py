"""ApiToken: what a token of the REST API is called, what it may do, and when it was last used. LoginFailures: attempts
to sign in that failed. Confinement: of which platforms a user, or the members of a group, may see anything.
Administrator: who may give rights to anybody.
PasswordRecord: passwords that a user had. OidcIdentity: who a user is at a provider where people sign in.
LogoutToken: what that provider said of who signed out there. UserSession: where a user is signed in.
"""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from access.second_factor.models import (  # noqa: F401  Django looks for models here
    Factor,
    Passkey,
    PasskeyChallenge,
    RecoveryCode,
)

LONGEST_NAME = 64


class Scope(models.TextChoices):
    """What a token may be used for, as far as its user may do it."""

    READ = "read", _("read everything but buyer data")
    SYNC = "sync", _("start, cancel and replay syncs, check connections")
    SHIP = "ship", _("ship orders, correct shipments")
    MANAGE = "manage", _("change platforms, webhooks, stock thresholds and legal holds")
    BUYER_DATA = "buyer_data", _("read and erase buyer data")


class ApiToken(models.Model):
    """The details of a token. knox keeps its hash, user, creation and expiry; a token without details is refused.

    Read with `select_related("token__user")`.
    """

    token = models.OneToOneField("knox.AuthToken", on_delete=models.CASCADE, related_name="details")
    name = models.CharField(_("name"), max_length=LONGEST_NAME)
    scopes = models.JSONField(_("scopes"), default=list)  # values of Scope
    # NULL means all; a list means exactly these, also where all of them are deleted.
    platform_ids = models.JSONField(_("platforms"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    last_used_from = models.CharField(max_length=64, blank=True, default="", editable=False)

    class Meta:
        db_table = "api_tokens"
        ordering = ("-id",)
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        # Those of everybody go by the permissions of knox's model, as they always did.
        default_permissions = ()
        permissions = [("own_tokens", "Can make and revoke API tokens of their own")]

    def __str__(self) -> str:
        return self.name

    @property
    def user(self) -> Any:
        return self.token.user

    @property
    def expires_at(self) -> datetime | None:
        expiry: datetime | None = self.token.expiry
        return expiry

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()


class LoginFailures(models.Model):
    """Failed attempts of late to sign in with one account, or from one address. `key` is `user 5`, or `name …`,
    `address …`, or, for tokens of the API, `tokens …` of an address, with a hash. `last_tried`: a keyed digest of the
    wrong token that was counted last."""

    key = models.CharField(max_length=80, primary_key=True)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="login_failures"
    )
    count = models.PositiveIntegerField()
    last_at = models.DateTimeField(db_index=True)
    last_tried = models.CharField(max_length=64, blank=True, default="", editable=False)

    class Meta:
        db_table = "login_failures"
        default_permissions = ()

    def __str__(self) -> str:
        return self.key.partition(" ")[0]


class Confinement(models.Model):
    """Of a user or of a group. Without a row, of all platforms.

    `platform_ids` names exactly these, also where all of them are deleted: nobody sees more because a platform is gone.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="confinement"
    )
    group = models.OneToOneField(
        "auth.Group", on_delete=models.CASCADE, null=True, related_name="confinement"
    )
    platform_ids = models.JSONField(default=list)

    class Meta:
        db_table = "confinements"
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.user or self.group)


class Administrator(models.Model):
    """Who may give rights to anybody, as it was when somebody last looked (administrators.py). `since` is NULL of those
    who were there at the first look."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    since = models.DateTimeField(null=True)

    class Meta:
        db_table = "administrators"
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.user)


class PasswordRecord(models.Model):
    """A password that a user was given, as a hash; the newest is the present one. `is_temporary`: it must be changed
    before anything else is done."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    encoded = models.CharField(max_length=128, editable=False)
    set_at = models.DateTimeField()
    is_temporary = models.BooleanField(default=False)

    class Meta:
        db_table = "password_records"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.set_at:%Y-%m-%d}"


class OidcIdentity(models.Model):
    """Who a user is at a provider of OpenID Connect. `digest` is of issuer and subject, whose case counts."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="oidc_identity"
    )
    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)
    digest = models.CharField(max_length=64, unique=True)
    added_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "oidc_identities"
        default_permissions = ()

    def __str__(self) -> str:
        return self.subject


class LogoutToken(models.Model):
    """A logout token of the provider that was heeded, so that it is heeded once. `digest` is of issuer and `jti`."""

    digest = models.CharField(max_length=64, primary_key=True)
    at = models.DateTimeField(default=timezone.now, db_index=True, editable=False)

    class Meta:
        db_table = "oidc_logout_tokens"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d}"


class UserSession(models.Model):
    """`key_hash` is the key of the row in Django's table of sessions, which is a digest (sessions.py)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key_hash = models.CharField(max_length=64, db_index=True, editable=False)
    started_at = models.DateTimeField(default=timezone.now, db_index=True)
    last_seen_at = models.DateTimeField(default=timezone.now)
    address = models.CharField(max_length=45, blank=True, default="")
    device = models.CharField(max_length=60, blank=True, default="")
    # What session at the provider it came from: a digest, or oidc/session.py's NAMELESS; "" with a password.
    provider_session = models.CharField(max_length=64, blank=True, default="", editable=False)

    class Meta:
        db_table = "user_sessions"
        default_permissions = ()

    def __str__(self) -> str:
        return self.device
