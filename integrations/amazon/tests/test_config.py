"""api_config of Amazon: what is refused, and by which name."""

from typing import Any

import pytest
from django.utils import translation

from integrations.amazon.config import check, load
from integrations.amazon.marketplaces import MARKETPLACES, endpoint
from integrations.errors import ConfigError

US, DE, JP, IN, SG = "ATVPDKIKX0DER", "A1PA6795UKMFR9", "A1VC38T7YXB528", "A21TJRUUN4KGV", "A19VAU5U5O7RUS"


def config(**changes: Any) -> dict[str, Any]:
    return {
        "client_id": "id",
        "client_secret": "s3cret",
        "refresh_token": "r3fresh",
        "marketplace_id": US,
    } | changes


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"client_id": ""}, "client_id", "empty"),
        ({"client_secret": "  "}, "client_secret", "empty"),
        ({"refresh_token": None}, "refresh_token", "empty"),
        ({"refresh_token": 12}, "refresh_token", "must be text"),
        ({"marketplace_id": "NOWHERE"}, "marketplace_id", "not one of Amazon's"),
        ({"marketplace_id": DE}, "marketplace_id", "Germany belongs to region EU, not NA"),
        (
            {"marketplace_id": SG, "region": "EU"},
            "marketplace_id",
            "If you mean India: that is A21TJRUUN4KGV",
        ),
        ({"region": "MOON"}, "region", "unknown region"),
        ({"region": 1}, "region", "unknown region"),
        ({"secret": "x"}, "secret", "unknown field"),
        ({"additional_marketplace_ids": DE}, "additional_marketplace_ids", "must be a list"),
        ({"additional_marketplace_ids": [1]}, "additional_marketplace_ids", "must be a list"),
        ({"additional_marketplace_ids": ["NO"]}, "additional_marketplace_ids", "not one of Amazon's"),
        ({"additional_marketplace_ids": [DE]}, "additional_marketplace_ids", "belongs to region EU, not NA"),
        ({"additional_marketplace_ids": [DE], "region": "SANDBOX"}, "additional_marketplace_ids", "not NA"),
    ],
)
def test_it_refuses_by_the_name_of_the_field(changes: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        check(config(**changes))
    assert list(refused.value.fields) == [field]
    assert says in refused.value.fields[field]
    assert f"{field}: " in str(refused.value)
    assert "s3cret" not in str(refused.value)


CLIENT_ID, APPLICATION = "amzn1.application-oa2-client.0a1b", "amzn1.sp.solution.11111111-2222"
SECRET, OLD_SECRET = "amzn1.oa2-cs.v1.0a1b2c", "0123456789abcdef" * 4
REFRESH, ACCESS = "Atzr|IwEB0a1b", "Atza|IwEB0a1b"


@pytest.mark.parametrize(
    ("name", "value", "is_a", "expected"),
    [
        ("client_id", APPLICATION, "the id of an application", "begins with amzn1.application-oa2-client."),
        ("client_id", SECRET, "a client secret", "the client id is expected"),
        ("client_id", OLD_SECRET, "a client secret", "the client id is expected"),
        ("client_id", REFRESH, "a refresh token", "the client id is expected"),
        ("client_id", "AKIAIOSFODNN7EXAMPLE", "an access key of AWS", "the client id is expected"),
        ("client_id", DE, "a marketplace id", "the client id is expected"),
        ("client_secret", CLIENT_ID, "a client id", "the client secret is expected"),
        ("client_secret", APPLICATION, "the id of an application", "beside the client id"),
        ("client_secret", REFRESH, "a refresh token", "the client secret is expected"),
        ("refresh_token", ACCESS, "an access token, which lives for an hour", "begins with Atzr|"),
        ("refresh_token", "Atz.sprdt|x", "a restricted data token", "begins with Atzr|"),
        ("refresh_token", SECRET, "a client secret", "the refresh token is expected"),
        ("refresh_token", OLD_SECRET, "a client secret", "the refresh token is expected"),
        ("refresh_token", "arn:aws:iam::1:role/x", "a name of AWS (ARN)", "the refresh token is expected"),
        ("marketplace_id", SECRET, "a client secret", "a marketplace id is expected"),
        ("client_secret", "s3cret\u200b", "ZERO WIDTH SPACE (U+200B) at place 7", "copy it again"),
        ("client_secret", "\ufeffs3cret", "ZERO WIDTH NO-BREAK SPACE (U+FEFF) at place 1", "copy it again"),
        ("client_secret", "s3\xa0cret", "NO-BREAK SPACE (U+00A0) at place 3", "copy it again"),
        ("client_secret", "s3cr\u0435t", "CYRILLIC SMALL LETTER IE (U+0435) at place 5", "copy it again"),
        ("refresh_token", "Atzr|sim\n-1", "a line break at place 9", "copy it again"),
        ("refresh_token", "Atzr|sim\r\n-1", "a line break at place 9", "copy it again"),
        ("refresh_token", "Atzr|sim\t-1", "a tab at place 9", "copy it again"),
        ("client_id", "amzn1. application", "a blank at place 7", "copy it again"),
        ("client_id", "amzn1.\x00", "a control character (U+0000) at place 7", "copy it again"),
        ("marketplace_id", f"{DE}\u2060", "WORD JOINER (U+2060) at place 15", "copy it again"),
        ("refresh_token", "refresh_token=Atzr|IwEB0a1b", "begins at place 15", "copy it alone"),
        ("refresh_token", f"{REFRESH}{REFRESH}", "begins at place 14", "copy it alone"),
        ("client_secret", f"client_secret:{SECRET}", "begins at place 15", "copy it alone"),
        ("client_id", '"amzn1.application-oa2-client.0a1b"', "quotation marks", "leave them out"),
    ],
)
def test_it_says_what_a_value_is_and_what_was_expected(
    name: str, value: str, is_a: str, expected: str
) -> None:
    """The value itself, which may be a secret in the wrong field, is not repeated."""
    with pytest.raises(ConfigError) as refused:
        check(config(**{name: value}))
    assert list(refused.value.fields) == [name]
    assert is_a in refused.value.fields[name]
    assert expected in refused.value.fields[name]
    assert value not in str(refused.value)


def test_it_takes_what_amazon_issues() -> None:
    for secret in (SECRET, OLD_SECRET):
        stored = check(
            config(client_id=CLIENT_ID, client_secret=f"\u00a0{secret}\r\n", refresh_token=REFRESH)
        )
        assert (stored["client_id"], stored["client_secret"]) == (CLIENT_ID, secret)


def test_it_stores_the_reason_in_english_whoever_reads_the_page() -> None:
    with translation.override("de"), pytest.raises(ConfigError, match=r"ZERO WIDTH SPACE .* copy it again"):
        load(config(client_secret="s3cret\u200b"))


def test_it_repeats_no_secret_that_stands_for_a_marketplace() -> None:
    for secret in (OLD_SECRET, REFRESH):
        assert secret[:12] not in load(config(marketplace_id=secret)).notes[0].message


@pytest.mark.parametrize("name", ["client_id", "client_secret", "refresh_token", "marketplace_id"])
def test_it_names_a_missing_field(name: str) -> None:
    values = config()
    del values[name]
    with pytest.raises(ConfigError) as refused:
        check(values)
    assert refused.value.fields == {name: "missing"}


@pytest.mark.parametrize("raw", [None, "text", 3, [], ["client_id"]])
def test_it_takes_a_json_object_only(raw: Any) -> None:
    with pytest.raises(ConfigError, match="must be a JSON object"):
        check(raw)


def test_it_names_everything_that_is_wrong_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        check({"marketplace_id": "X", "typo": 1})
    assert set(refused.value.fields) == {
        "client_id",
        "client_secret",
        "refresh_token",
        "marketplace_id",
        "typo",
    }


def test_it_stores_text_without_blanks_and_the_region() -> None:
    stored = check(config(client_id=" id\n", additional_marketplace_ids=[]))
    assert stored == config(region="NA")


@pytest.mark.parametrize("marketplace", MARKETPLACES.values(), ids=lambda each: each.code)
def test_it_takes_every_marketplace_in_its_region_and_in_the_sandbox(marketplace: Any) -> None:
    live = load(config(marketplace_id=marketplace.id, region=marketplace.region.lower()))
    sandbox = load(config(marketplace_id=marketplace.id, region="SANDBOX"))
    assert (live.region, live.sandbox, live.notes) == (marketplace.region, False, ())
    assert (sandbox.region, sandbox.sandbox) == (marketplace.region, True)
    for region in {"NA", "EU", "FE"} - {marketplace.region}:
        with pytest.raises(ConfigError, match=marketplace.country):
            check(config(marketplace_id=marketplace.id, region=region))


def test_it_knows_all_23_and_tells_india_from_singapore() -> None:
    assert len(MARKETPLACES) == 23
    assert (MARKETPLACES[IN].code, MARKETPLACES[IN].region) == ("IN", "EU")
    assert (MARKETPLACES[SG].code, MARKETPLACES[SG].region) == ("SG", "FE")


@pytest.mark.parametrize("region", ["NA", "EU", None])
def test_it_runs_with_the_united_states_where_nobody_knows_the_marketplace(region: str | None) -> None:
    loaded = load(config(marketplace_id="A0UNKNOWN", region=region))
    assert (loaded.marketplaces[0].code, loaded.region) == ("US", "NA")
    assert [note.code for note in loaded.notes] == ["unknown_marketplace"]
    assert "A0UNKNOWN" in loaded.notes[0].message


def test_it_says_when_nothing_is_stored() -> None:
    with pytest.raises(ConfigError) as refused:
        load({})
    assert refused.value.code == "config"


def test_it_covers_each_marketplace_once() -> None:
    loaded = load(config(marketplace_id=DE, region="EU", additional_marketplace_ids=[IN, DE, IN]))
    assert [each.code for each in loaded.marketplaces] == ["DE", "IN"]
    assert loaded.scope.split(",")[:-1] == sorted([DE, IN])


def test_it_tells_sellers_apart_in_what_was_covered() -> None:
    one = load(config())
    for changes in ({"refresh_token": "Atzr|other"}, {"client_id": "amzn1.application-oa2-client.other"}):
        other = load(config(**changes))
        assert set(one.scope.split(",")) - set(other.scope.split(",")) == {one.scope.split(",")[-1]}
        assert "other" not in other.scope
    assert load(config(client_secret="rotated")).scope == one.scope


def test_it_never_shows_its_secrets() -> None:
    assert "s3cret" not in repr(load(config()))
    assert "r3fresh" not in repr(load(config()))


@pytest.mark.parametrize(
    ("region", "sandbox", "host"),
    [
        ("NA", False, "https://sellingpartnerapi-na.amazon.com"),
        ("EU", False, "https://sellingpartnerapi-eu.amazon.com"),
        ("FE", True, "https://sandbox.sellingpartnerapi-fe.amazon.com"),
    ],
)
def test_it_finds_the_host(region: str, sandbox: bool, host: str) -> None:
    assert endpoint(region, sandbox=sandbox) == host


def test_it_strips_what_was_pasted_with_blanks() -> None:
    stored = check(config(additional_marketplace_ids=[" A2EUQ1WTGCTBG2\n"]))
    assert stored["additional_marketplace_ids"] == ["A2EUQ1WTGCTBG2"]
