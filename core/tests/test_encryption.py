"""The encrypted column: what stands in it, what is read from it, what is never overwritten."""

import json
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ValidationError
from django.db import connection

from core.encryption import FERNET_PREFIX, SecretDict, Unreadable, keyed_digest, keyed_digests, read_stored
from integrations.models import SyncLog
from integrations.sync.run import run_sync
from integrations.sync.start import request_sync
from platforms.models import Platform

pytestmark = pytest.mark.django_db
SECRET = "s3cret-in-the-column"
CONFIG = {
    "client_id": "id",
    "client_secret": SECRET,
    "refresh_token": "Atzr|é",
    "marketplace_id": "ATVPDKIKX0DER",
    "additional_marketplace_ids": ["A2EUQ1WTGCTBG2"],
}


@pytest.fixture
def platform() -> Platform:
    return Platform.objects.get(name="amazon")


def column() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_config FROM platforms WHERE name = 'amazon'")
        return str(cursor.fetchone()[0])


def write(expression: str, *values: Any) -> None:
    """Past Django, as a person with a database client does."""
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE platforms SET api_config = {expression} WHERE name = 'amazon'", values)  # noqa: S608


def write_with_json_object() -> dict[str, Any]:
    flat = {key: value for key, value in CONFIG.items() if isinstance(value, str)}
    pairs = [each for pair in flat.items() for each in pair]
    marks = ", ".join(["%s"] * len(pairs))
    is_postgresql = connection.vendor == "postgresql"  # whose function of that name takes an array
    write(f"json_object(ARRAY[{marks}])::text" if is_postgresql else f"JSON_OBJECT({marks})", *pairs)
    return flat


def fetched() -> Platform:
    return Platform.objects.get(name="amazon")


def run_orders(platform: Platform) -> SyncLog:
    log = request_sync(platform=platform, kind=SyncLog.Kind.ORDERS, trigger=SyncLog.Trigger.COMMAND).log
    return run_sync(log.pk)


def test_it_encrypts_what_it_saves_and_reads_it_back(platform: Platform) -> None:
    platform.api_config = CONFIG
    platform.save()
    assert column().startswith(FERNET_PREFIX)
    assert SECRET not in column()
    assert fetched().api_config == CONFIG
    assert not fetched().api_config.was_plain


def test_it_reads_what_sql_wrote_and_encrypts_it_at_the_next_save(platform: Platform) -> None:
    expected = write_with_json_object()
    assert SECRET in column()
    assert (fetched().api_config, fetched().api_config.was_plain, fetched().config_problem) == (
        expected,
        True,
        "",
    )
    fetched().save()
    assert SECRET not in column()
    assert fetched().api_config == expected


def test_it_encrypts_what_sql_wrote_at_the_next_run(platform: Platform, settings: Any) -> None:
    expected = write_with_json_object() | {"typo": "x"}
    write("%s", json.dumps(expected))  # incomplete or wrong: encrypted all the same
    assert run_orders(fetched()).error_code == "config"
    assert column().startswith(FERNET_PREFIX)
    assert fetched().api_config == expected


@pytest.mark.parametrize(
    ("stored", "says"),
    [
        (
            Fernet(Fernet.generate_key()).encrypt(b'{"client_secret": "x"}').decode(),
            "not in FIELD_ENCRYPTION_KEY",
        ),
        ("client_secret=x", "neither encrypted nor JSON"),
        ("[" * 100_000, "neither encrypted nor JSON"),
        ('["x"]', "not a JSON object"),
        ("null", "not a JSON object"),
    ],
    ids=["other key", "text", "deep", "list", "null"],
)
def test_it_keeps_what_it_cannot_read_and_says_whose_it_is(
    platform: Platform, stored: str, says: str
) -> None:
    write("%s", stored)
    unreadable = fetched()
    assert isinstance(unreadable.api_config, Unreadable)
    assert (unreadable.api_config, unreadable.is_configured) == ({}, True)
    assert "platform amazon" in unreadable.config_problem
    assert says in unreadable.config_problem
    assert stored[:30] not in unreadable.config_problem + repr(unreadable.api_config)
    unreadable.display_name = "Something else"
    unreadable.save()
    assert column() == stored


def test_it_fails_a_sync_with_credentials_that_cannot_be_read(platform: Platform, settings: Any) -> None:
    settings.MOCK_FALLBACK = "never"
    stored = Fernet(Fernet.generate_key()).encrypt(b"{}").decode()
    write("%s", stored)
    log = run_orders(fetched())
    assert (log.status, log.error_code) == (SyncLog.Status.FAILED, "unreadable_credentials")
    assert "platform amazon" in log.error_message
    assert column() == stored


def test_it_replaces_what_cannot_be_read_on_purpose(platform: Platform) -> None:
    write("%s", "gibberish")
    repaired = fetched()
    repaired.api_config = CONFIG
    repaired.save()
    assert fetched().api_config == CONFIG


def test_it_decrypts_with_all_keys_and_encrypts_with_the_first(platform: Platform, settings: Any) -> None:
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    settings.FIELD_ENCRYPTION_KEY = [old]
    platform.api_config = CONFIG
    platform.save()
    settings.FIELD_ENCRYPTION_KEY = [new, old]
    assert fetched().api_config == CONFIG
    fetched().save()
    settings.FIELD_ENCRYPTION_KEY = [new]
    assert fetched().api_config == CONFIG
    settings.FIELD_ENCRYPTION_KEY = [old]
    assert isinstance(fetched().api_config, Unreadable)


@pytest.mark.parametrize("empty", [None, ""])
def test_it_reads_nothing_as_an_empty_dict(empty: str | None) -> None:
    assert read_stored(empty) == {}
    assert not isinstance(read_stored(empty), Unreadable)


def test_it_takes_dicts_only(platform: Platform) -> None:
    platform.api_config = ["x"]
    with pytest.raises(ValidationError, match="JSON object"):
        platform.save()


def test_it_shows_the_keys_alone() -> None:
    assert repr(SecretDict(CONFIG)) == str(SecretDict(CONFIG))
    assert SECRET not in f"{SecretDict(CONFIG)!r} {SecretDict(CONFIG)}"
    assert "client_secret" in repr(SecretDict(CONFIG))


def test_it_is_never_dumped(platform: Platform) -> None:
    with pytest.raises(TypeError, match="never serialised"):
        Platform._meta.get_field("api_config").value_to_string(platform)


# --- digests


def test_a_digest_depends_on_data_purpose_and_the_first_key(settings: Any) -> None:
    first = keyed_digest(b"Jo Doe", purpose="one")
    assert len(first) == 64
    assert keyed_digest(b"Jo Doe", purpose="one") == first
    others = {keyed_digest(b"Jo Roe", purpose="one"), keyed_digest(b"Jo Doe", purpose="two")}
    settings.FIELD_ENCRYPTION_KEY = [Fernet.generate_key().decode(), *settings.FIELD_ENCRYPTION_KEY]
    rotated = keyed_digest(b"Jo Doe", purpose="one")
    assert len({first, rotated, *others}) == 4
    assert keyed_digests(b"Jo Doe", purpose="one") == [rotated, first]
    settings.SECRET_KEY = "another one"
    assert keyed_digest(b"Jo Doe", purpose="one") == rotated
