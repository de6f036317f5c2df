"""Factor: that a user has a second factor, and the secret for codes of an app. Passkey: what signs for the user instead
of such a code. RecoveryCode: what helps once where both are lost. PasskeyChallenge: what a passkey is to sign now.
"""

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.encryption import EncryptedJSONField, SecretDict

LONGEST_NAME = 64


class Factor(models.Model):
    """One for each user. Another one is another row: sessions remember by its id which one they have passed.

    It is there as long as there is an app or a passkey. `has_app`: `data` has the secret of an app.
    `last_step` is the time step of the last code that was accepted: neither that nor an earlier one is taken again.
    `failures` and `failed_at`: wrong codes and refused passkeys since the last right one.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="second_factor"
    )
    data = EncryptedJSONField(default=SecretDict)  # {"secret": base32}
    added_at = models.DateTimeField(default=timezone.now, editable=False)
    has_app = models.BooleanField(default=True)
    last_step = models.BigIntegerField(default=0)
    failures = models.PositiveSmallIntegerField(default=0)
    failed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "second_factors"
        default_permissions = ()

    def __str__(self) -> str:
        return f"second factor of {self.user}"


class Passkey(models.Model):
    """A key pair of a device or a password manager; here is its public half, which is no secret.

    `credential_id` and `public_key` are base64url, as browsers have them; the digest is what the id is looked up by.
    `domain`: browsers offer a passkey at the domain alone for which it was made. `sign_count`: what the device counted
    at the last use; many always say 0.
    """

    factor = models.ForeignKey(Factor, on_delete=models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=LONGEST_NAME)
    domain = models.CharField(max_length=255)
    credential_id = models.TextField()
    credential_digest = models.CharField(max_length=64, unique=True)
    public_key = models.TextField()
    transports = models.JSONField(default=list)
    sign_count = models.BigIntegerField(default=0)
    added_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "passkeys"
        default_permissions = ()
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.name


class PasskeyChallenge(models.Model):
    """One for each session and purpose; deleted when an answer to it arrives, right or wrong."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    session_digest = models.CharField(max_length=64)
    purpose = models.CharField(max_length=16)
    challenge = models.CharField(max_length=128)
    made_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "passkey_challenges"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=("session_digest", "purpose"), name="passkey_challenge_once")
        ]

    def __str__(self) -> str:
        return f"{self.purpose} of {self.user}"


class RecoveryCode(models.Model):
    """Of a code of 80 random bits, a plain hash is enough. A code that was used is deleted."""

    factor = models.ForeignKey(Factor, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)

    class Meta:
        db_table = "recovery_codes"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=("factor", "digest"), name="recovery_code_once")]

    def __str__(self) -> str:
        return f"recovery code of {self.factor}"
