"""Looks at settings and database, a function a control. In a fixed number of queries, whatever there is."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.checks import run_checks
from django.core.checks.messages import ERROR
from django.db.models import Q
from django.utils import timezone
from knox.models import AuthToken

from access.models import Confinement
from access.second_factor.policy import ALL
from audit import chain
from audit.models import AuditHead
from audit.shipping import waiting
from integrations.lookup.renewals import renewals_of
from integrations.schedule.leadership import scheduler_is_silent, scheduler_seen_at
from monitoring.dpp.control import Finding, State, good, short
from orders.models import LegalHold, OrderBuyer
from platforms.models import Platform
from webhooks.models import Endpoint

HERE = ("", "localhost", "127.0.0.1", "::1")
MOST_MONTHS = 18  # that data which is not personal is kept
UNUSED_FOR = timedelta(days=90)
LATE_BY = timedelta(days=2)  # the scheduler deletes once a day
NAMED = 5
NEWEST = 10_000  # entries of the audit
ALL_READ_WITHIN = timedelta(days=31)
SHIPPED_WITHIN = timedelta(hours=1)
ATTEMPTS = {
    "locked",
    "guessing",
    "tokens",
    "known_token",
}  # kinds of alerts (backoffice/alerts/conditions.py)


def named(names: Iterable[str]) -> str:
    """ "a, b and 3 more"."""
    listed = sorted(names)
    more = len(listed) - NAMED
    return ", ".join(listed[:NAMED]) + (f" and {more} more" if more > 0 else "")


def counted(number: int, noun: str) -> str:
    """ "1 order", "2 orders"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# --- Personal data ------------------------------------------------------------------------------------
def asks_for_buyer_data() -> Finding:
    platforms = list(Platform.objects.filter(include_pii=True).values_list("name", flat=True))
    if platforms:
        return good(f"Buyer data is asked for on {named(platforms)}. Switch it off where you do not need it.")
    return good("No platform asks for buyer data.")


def old_orders_are_deleted() -> Finding:
    months = settings.KEEP_ORDERS_MONTHS
    if 0 < months <= MOST_MONTHS:
        return good(f"Orders are kept for {months} months after their purchase and their last change.")
    return short(
        f"Orders are kept for {months} months." if months else "Orders are kept for good.",
        f"Set KEEP_ORDERS_MONTHS to {MOST_MONTHS} or less, or write down which law asks for longer.",
    )


def buyer_data_is_deleted_in_time() -> Finding:
    now = timezone.now()
    late_rows = OrderBuyer.objects.filter(purge_after__lt=now - LATE_BY)
    holds = LegalHold.objects.filter(until__gt=now)
    held = Q(order__platform__in=holds.filter(order=None).values("platform")) | Q(
        order__in=holds.exclude(order=None).values("order")
    )
    late = late_rows.exclude(held).count()
    if late:
        return short(
            f"Buyer data of {counted(late, 'order')} should have been deleted more than {LATE_BY.days} days ago.",
            "Run manage.py purge_pii now, and keep manage.py run_scheduler running, which does it daily.",
        )
    count = OrderBuyer.objects.count()
    if count and scheduler_is_silent(scheduler_seen_at(), now):
        return short(
            f"Buyer data of {counted(count, 'order')} is stored, and no scheduler runs that deletes it in time.",
            "Start manage.py run_scheduler, or run manage.py purge_pii daily from cron.",
        )
    kept = holds.count()
    by_law = f" In force: {counted(kept, 'legal hold')}." if kept else ""
    return good(f"Buyer data of {counted(count, 'order')} is stored; none is past its day.{by_law}")


# --- Encryption ---------------------------------------------------------------------------------------
def is_encrypted_at_rest() -> Finding:
    plain = [row.name for row in Platform.objects.all() if getattr(row.api_config, "was_plain", False)]
    if plain:
        return short(
            f"Credentials of {named(plain)} were written with SQL and are not encrypted yet.",
            "Run manage.py reencrypt.",
        )
    return good("Buyer data and credentials are encrypted (AES-128 with HMAC-SHA256). Nothing is in clear.")


def back_ups_are_encrypted() -> Finding:
    """The disk, and what is done with the files, OMS cannot see."""
    count = len(settings.BACKUP_ENCRYPT_TO)
    says = (
        f"Back-ups that OMS makes are encrypted to {count} recipients."
        if count
        else "BACKUP_ENCRYPT_TO is not set."
    )
    return Finding(
        State.OUTSIDE,
        f"{says} OMS cannot see the disk, and what becomes of the files.",
        "Encrypt the disk of the database"
        + ("" if count else ", set BACKUP_ENCRYPT_TO or encrypt the place of the back-ups")
        + ", and delete old back-ups (docs/operations.md).",
    )


def keys_come_from_a_manager() -> Finding:
    count = len(settings.FIELD_ENCRYPTION_KEY)
    keys = (
        "1 key is configured."
        if count == 1
        else f"{count} keys are configured; take old ones away after reencrypt."
    )
    if settings.FIELD_ENCRYPTION_KEY_FROM in ("command", "file"):
        return good(f"{keys} OMS reads it from a {settings.FIELD_ENCRYPTION_KEY_FROM}.")
    return short(
        f"{keys} It is in the environment or in .env.",
        "Keep it in a KMS or Vault: FIELD_ENCRYPTION_KEY_COMMAND, or FIELD_ENCRYPTION_KEY_FILE filled by its agent.",
    )


def browsers_use_tls() -> Finding:
    if not settings.REQUIRE_HTTPS:
        return short(
            "REQUIRE_HTTPS is off: pages, passwords and tokens may be sent in clear.",
            "Put a TLS proxy in front (TLS 1.2 or newer), set REQUIRE_HTTPS=on and BEHIND_TLS_PROXY=on.",
        )
    return good("HTTPS is required; cookies are for HTTPS alone; browsers keep to it for a year.")


def services_use_tls() -> Finding:
    """Database, Redis and mail server; what is on this machine needs no TLS."""
    clear = []
    database = settings.DATABASES["default"]
    options = database.get("OPTIONS", {})
    host = str(database.get("HOST") or "")
    if _is_elsewhere(host) and not (options.get("ssl_mode") or options.get("sslmode") or options.get("ssl")):
        clear.append("the database (DATABASE_URL)")
    redis = urlsplit(settings.REDIS_URL)
    if redis.scheme == "redis" and _is_elsewhere(redis.hostname or ""):
        clear.append("Redis (REDIS_URL)")
    mail = settings.EMAIL_HOST if settings.EMAIL_IS_ON else ""
    if _is_elsewhere(mail) and not (settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL):
        clear.append("the mail server (EMAIL_URL)")
    if clear:
        return short(
            f"Without TLS, over a network: {', '.join(clear)}.",
            "Ask for TLS in these addresses; docs/operations.md says how.",
        )
    return good("Database, Redis and mail server are on this machine, or asked for TLS.")


def _is_elsewhere(host: str) -> bool:
    return host not in HERE and not host.startswith("/")  # a socket


def what_leaves_uses_tls() -> Finding:
    plain = []
    if any(
        str(address).startswith("http:")
        for address in (settings.AMAZON_SP_API_ENDPOINT, settings.AMAZON_LWA_ENDPOINT)
    ):
        plain.append("AMAZON_SP_API_ENDPOINT and AMAZON_LWA_ENDPOINT are plain HTTP")
    count = Endpoint.objects.filter(is_active=True, url__startswith="http:").count()
    if count:
        plain.append(f"{count} webhooks are plain HTTP")
    if plain:
        return short(f"{'; '.join(plain)}.", "Use https:// addresses, and WEBHOOKS_REQUIRE_HTTPS=on.")
    return good("Amazon's API and all webhooks are called over TLS, and certificates are checked.")


# --- Access -------------------------------------------------------------------------------------------
def accounts_are_used() -> Finding:
    """Accounts that nobody has used for 90 days are those that a review would close."""
    since = timezone.now() - UNUSED_FOR
    active = get_user_model()._default_manager.filter(is_active=True, is_staff=True)
    unused = active.filter(
        Q(last_login__lt=since) | Q(last_login__isnull=True, date_joined__lt=since)
    ).count()
    if unused:
        return short(
            f"{unused} of {active.count()} active accounts have not signed in for {UNUSED_FOR.days} days.",
            "Review who needs access, each quarter, and deactivate the others (Users). One account for each person.",
        )
    return good(f"All {active.count()} active accounts have signed in within {UNUSED_FOR.days} days.")


def rights_are_few() -> Finding:
    users = get_user_model()._default_manager.filter(is_active=True)
    superusers = users.filter(is_superuser=True).count()
    reads = Permission.objects.filter(codename="view_orderbuyer", content_type__app_label="orders")
    buyers = (
        users.filter(Q(is_superuser=True) | Q(user_permissions__in=reads) | Q(groups__permissions__in=reads))
        .distinct()
        .count()
    )
    says = f"{counted(superusers, 'superuser')}; {counted(buyers, 'user')} may read buyer data."
    if superusers > 3:
        return short(
            says,
            "Leave two or three superusers, and put the others into groups (docs/security.md, Access).",
        )
    return good(says)


def users_may_be_confined() -> Finding:
    users = Confinement.objects.filter(user__is_active=True).count()
    groups = Confinement.objects.filter(group__isnull=False).count()
    return good(
        f"Confined to platforms: {counted(users, 'user')}, {counted(groups, 'group')}. The others see all platforms."
    )


def second_factors_are_asked_for() -> Finding:
    active = get_user_model()._default_manager.filter(is_active=True, is_staff=True)
    having = active.filter(second_factor__isnull=False).count()
    says = f"{having} of {active.count()} active accounts have one."
    if settings.SECOND_FACTOR != ALL:
        return short(
            f"SECOND_FACTOR is {settings.SECOND_FACTOR}. {says}",
            "Set SECOND_FACTOR=all: whoever has none sets one up at the next sign-in.",
        )
    if settings.OIDC_ISSUER and settings.OIDC_SECOND_FACTOR:
        says += f" Signing in at {settings.OIDC_ISSUER} counts as one: see to it that it asks for one."
    return good(f"Everybody has to have one. {says}")


def passwords_are_long() -> Finding:
    validators: Any = settings.AUTH_PASSWORD_VALIDATORS
    lengths = [
        entry.get("OPTIONS", {}).get("min_length", 8)
        for entry in validators
        if entry["NAME"].endswith("MinimumLengthValidator")
    ]
    if max(lengths, default=0) < 12:
        return short(
            "Passwords may be shorter than 12 characters.", "Ask for 12 in AUTH_PASSWORD_VALIDATORS."
        )
    return good(f"At least {max(lengths)} characters, not like the name, not a common one, not digits alone.")


def passwords_are_changed() -> Finding:
    least, most = settings.PASSWORD_MIN_AGE_DAYS, settings.PASSWORD_MAX_AGE_DAYS
    refused = settings.PASSWORD_HISTORY
    says = f"{refused} earlier passwords are refused; each is kept for {least} to {most or 'any'} days."
    if refused < 10 or least < 1 or not 0 < most <= 365:
        return short(
            says,
            "Set PASSWORD_HISTORY=10 or more, PASSWORD_MIN_AGE_DAYS=1 and PASSWORD_MAX_AGE_DAYS=365 or less.",
        )
    return good(says)


def sessions_end() -> Finding:
    idle, hours = settings.SESSION_IDLE_MINUTES, settings.SESSION_HOURS
    says = (
        f"Idle sessions with buyer data end after {idle or 'any'} minutes, all of them after {hours} hours."
    )
    if not 0 < idle <= 30 or hours > 24:
        return short(says, "Set SESSION_IDLE_MINUTES=30 and SESSION_HOURS=12, or less.")
    return good(says)


def accounts_are_locked() -> Finding:
    if not 0 < settings.LOGIN_FAILURES <= 10:
        return short(
            f"LOGIN_FAILURES is {settings.LOGIN_FAILURES}.",
            "Set LOGIN_FAILURES to 10 or less, and not to 0, which is off.",
        )
    minutes = settings.LOGIN_LOCK_MINUTES
    return good(f"After {settings.LOGIN_FAILURES} failures an account is locked for {minutes} minutes.")


def tokens_end() -> Finding:
    endless = AuthToken.objects.filter(expiry__isnull=True).count()
    if endless:
        return short(
            f"{endless} API tokens have no end.", "Replace them by new ones, which end, and revoke them."
        )
    return good("Every API token has an end.")


def credentials_are_renewed() -> Finding:
    now, late, known = timezone.now(), [], 0
    for platform in Platform.objects.filter(is_active=True):
        for renewal in renewals_of(platform):
            known += 1
            if renewal.left(now) < 0:
                late.append(f"{platform.name} ({renewal.expiry.label})")
    if late:
        return short(
            f"Older than Amazon allows: {named(late)}.",
            "Make new ones in Seller Central and store them; docs/amazon-setup.md says how.",
        )
    return good(f"{known} client secrets and authorisations are watched; none is too old.")


# --- Logs ---------------------------------------------------------------------------------------------
def audit_is_kept() -> Finding:
    days = settings.KEEP_AUDIT_DAYS
    if days < 365:
        return short(f"The audit is kept for {days} days.", "Set KEEP_AUDIT_DAYS to 365 or more.")
    return good(f"The audit is kept for {days} days.")


def audit_holds() -> Finding:
    """Reads the newest entries alone: `verify_audit` reads all of them."""
    verdict = chain.verify_newest(NEWEST)
    if verdict.broken:
        return short(
            f"The audit was changed: {verdict.broken.why}",
            "Treat it as an incident (docs/incident-plan.md): find out who did it, and compare with a back-up.",
        )
    head = AuditHead.objects.get(pk=AuditHead.ONLY)
    newest = f"The newest {verdict.last - verdict.first + 1} entries of the audit are as they were written"
    if head.verified_at is None or timezone.now() - head.verified_at > ALL_READ_WITHIN:
        return short(
            f"{newest}, and none is missing; all of them were read long ago, or never.",
            f"Run manage.py verify_audit, at least every {ALL_READ_WITHIN.days} days, for instance from cron.",
        )
    return good(
        f"{newest}, and none is missing; all were read on {head.verified_at:%Y-%m-%d}."
        if verdict.first > head.pruned_through + 1
        else "Every entry of the audit is as it was written, and none is missing."
    )


def audit_is_shipped() -> Finding:
    behind = waiting()
    if not behind:
        return Finding(
            State.OUTSIDE,
            "The audit is in the database alone, or goes elsewhere without OMS.",
            "Set AUDIT_SYSLOG or AUDIT_LOG (docs/operations.md), or note what verify_audit prints, away from it.",
        )
    late = [each for each in behind if each.since and timezone.now() - each.since > SHIPPED_WITHIN]
    if late:
        count = max(each.entries for each in late)
        return short(
            f"{count} entries of the audit have not been shipped to {named(each.place for each in late)}.",
            "Look in the log of manage.py run_webhooks, which ships them, for why.",
        )
    return good(f"The audit is shipped to {named(each.place for each in behind)}.")


def somebody_is_told() -> Finding:
    if not settings.EMAIL_IS_ON:
        return short(
            "EMAIL_URL is not set: nobody is told of anything by e-mail.",
            "Set EMAIL_URL (docs/alerts.md), and let a monitoring read /metrics and the logs.",
        )
    return good("Alerts go out by e-mail to those who asked for them.")


def attempts_are_told() -> Finding:
    """Whether somebody who may change users gets an e-mail about them."""
    if not (settings.LOGIN_FAILURES and settings.API_FAILURES_PER_MINUTE):
        return short(
            "LOGIN_FAILURES or API_FAILURES_PER_MINUTE is 0: nothing is locked, so no alarm tells of it.",
            "Set both, LOGIN_FAILURES to 10 or less.",
        )
    if not settings.EMAIL_IS_ON:
        return short(
            "The home page shows attempts to get in, and nobody is told by e-mail: EMAIL_URL is not set.",
            "Set EMAIL_URL (docs/alerts.md), and let somebody who may change users subscribe in My alerts.",
        )
    subscribed = get_user_model()._default_manager.filter(is_active=True, alert_subscription__by_email=True)
    readers = sum(
        user.has_perm("auth.change_user") and set(user.alert_subscription.kinds or ATTEMPTS) >= ATTEMPTS
        for user in subscribed.exclude(email="").select_related("alert_subscription")
    )
    if not readers:
        return short(
            "Nobody who may change users has subscribed to alerts of attempts to get in.",
            "Let one of them open My alerts and tick Tell me by e-mail (docs/alerts.md).",
        )
    return good(
        f"Told by e-mail: {counted(readers, 'user')}; the home page shows it to all who may change users."
    )


# --- The installation ---------------------------------------------------------------------------------
def is_hardened() -> Finding:
    """What `manage.py check --deploy` says."""
    found = [
        message
        for message in run_checks(include_deployment_checks=True)
        if message.id and not message.is_silenced()
    ]
    if found:
        errors = sum(message.level >= ERROR for message in found)
        return short(
            f"manage.py check --deploy has {counted(errors, 'error')} and {counted(len(found) - errors, 'warning')}: "
            f"{named({str(message.id) for message in found})}.",
            "Run manage.py check --deploy, and do what each of its lines says.",
        )
    return good("manage.py check --deploy finds nothing.")


def is_production() -> Finding:
    wrong = []
    if settings.DEBUG:
        wrong.append("DEBUG is on")
    if settings.MOCK_FALLBACK != "never":
        wrong.append(f"MOCK_FALLBACK is {settings.MOCK_FALLBACK}")
    if wrong:
        return short(
            f"{' and '.join(wrong)}, as for trying out.",
            "Set DEBUG=off and MOCK_FALLBACK=never where real orders are.",
        )
    return good("Debugging is off, and made-up data is never stored.")
