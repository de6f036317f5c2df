"""Factor: a user's secret for codes from an app. RecoveryCode: what helps once where the app is lost."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.encryption import EncryptedJSONField, SecretDict


class Factor(models.Model):
    """One for each user. Another one is another row: sessions remember by its id which one they have passed.

    `last_step` is the time step of the last code that was accepted: neither that nor an earlier one is taken again.
    `failures` and `failed_at`: wrong codes since the last right one.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="second_factor"
    )
    data = EncryptedJSONField(default=SecretDict)  # {"secret": base32}
    added_at = models.DateTimeField(default=timezone.now, editable=False)
    last_step = models.BigIntegerField()
    failures = models.PositiveSmallIntegerField(default=0)
    failed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "second_factors"
        default_permissions = ()

    def __str__(self) -> str:
        return f"second factor of {self.user}"


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
