"""The credentials form: what is refused, what is kept, what is never shown."""

import json
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.utils.translation import override

from backoffice.platforms.forms import PlatformForm, form_for
from platforms.models import Platform

pytestmark = pytest.mark.django_db

US, GERMANY, CANADA, SINGAPORE = "ATVPDKIKX0DER", "A1PA6795UKMFR9", "A2EUQ1WTGCTBG2", "A19VAU5U5O7RUS"
SECRET, TOKEN = "amzn1.oa2-cs.v1.very-secret", "Atzr|very-secret"
COMPLETE = {
    "client_id": "amzn1.application-oa2-client.abc",
    "client_secret": SECRET,
    "refresh_token": TOKEN,
    "region": "NA",
    "marketplace_id": US,
}
GENERAL = {
    "name": "amazon", "kind": "amazon", "display_name": "Amazon", "is_active": "on",
    "orders_interval": 15, "inventory_interval": 60,
}  # fmt: skip


def platform(**config: Any) -> Platform:
    platform = Platform.objects.get(name="amazon")
    if config:
        platform.api_config = config
        platform.save()
    return Platform.objects.get(name="amazon")


def form(instance: Platform, **values: Any) -> PlatformForm:
    return form_for("amazon")({**GENERAL, **values}, instance=instance)


def saved(bound: PlatformForm) -> dict[str, Any]:
    assert bound.is_valid(), bound.errors
    bound.save()
    return dict(Platform.objects.get(name="amazon").api_config)


def with_an_unknown_key(**config: Any) -> Platform:
    """Credentials that a lost key encrypted."""
    lost = Fernet(Fernet.generate_key()).encrypt(b'{"client_id": "x"}').decode()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE platforms SET api_config = %s", [lost])
    return Platform.objects.get(name="amazon")


def stored_text() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_config FROM platforms")
        return str(cursor.fetchone()[0])


@pytest.mark.parametrize("language", ["en", "de", "es"])
def test_it_begins_each_label_with_a_capital(language: str) -> None:
    with override(language):
        labels = [str(field.label) for field in form(platform(**COMPLETE))]
    assert [label for label in labels if not label[:1].isupper()] == []


def test_it_stores_complete_credentials() -> None:
    assert saved(form(platform(), **COMPLETE)) == COMPLETE
    assert SECRET not in stored_text()


def test_it_strips_what_came_along_with_the_copy() -> None:
    assert saved(form(platform(), **COMPLETE | {"client_secret": f" {SECRET}\n"}))["client_secret"] == SECRET


def test_it_accepts_a_platform_without_credentials() -> None:
    assert saved(form(platform())) == {}


@pytest.mark.parametrize("missing", ["client_id", "client_secret", "refresh_token", "marketplace_id"])
def test_it_names_the_field_that_is_missing(missing: str) -> None:
    bound = form(platform(), **COMPLETE | {missing: ""})
    assert not bound.is_valid()
    assert list(bound.errors) == [missing]
    assert "Needed as well" in bound.errors[missing][0]
    assert platform().api_config == {}


@pytest.mark.parametrize(("marketplace_id", "region"), [(US, "NA"), (GERMANY, "EU"), (SINGAPORE, "FE")])
def test_it_takes_the_region_from_the_marketplace(marketplace_id: str, region: str) -> None:
    config = saved(form(platform(), **COMPLETE | {"marketplace_id": marketplace_id}))
    assert (config["marketplace_id"], config["region"]) == (marketplace_id, region)


def test_it_moves_the_region_along_with_the_marketplace() -> None:
    values = COMPLETE | {"client_secret": "", "refresh_token": "", "marketplace_id": GERMANY}
    assert saved(form(platform(**COMPLETE), **values))["region"] == "EU"


def test_it_asks_for_the_sandbox_and_leaves_it_again() -> None:
    config = saved(form(platform(), **COMPLETE, sandbox="on"))
    assert config == COMPLETE | {"region": "SANDBOX"}
    shown = form_for("amazon")(instance=platform())
    assert shown.initial["sandbox"] is True
    values = COMPLETE | {"client_secret": "", "refresh_token": ""}
    assert saved(form(platform(), **values)) == COMPLETE


def test_it_reads_a_region_in_small_letters_and_changes_nothing_by_it() -> None:
    bound = form(
        platform(**COMPLETE | {"region": "sandbox"}),
        **COMPLETE | {"client_secret": "", "refresh_token": "", "sandbox": "on"},
    )
    assert bound.is_valid()
    assert bound.new_config is None


def test_it_refuses_another_regions_marketplace_beside_the_main_one() -> None:
    bound = form(platform(), **COMPLETE, additional_marketplace_ids=[CANADA, GERMANY])
    assert "Germany" in bound.errors["additional_marketplace_ids"][0]


def test_it_stores_more_marketplaces() -> None:
    config = saved(form(platform(), **COMPLETE, additional_marketplace_ids=[CANADA]))
    assert config["additional_marketplace_ids"] == [CANADA]


def test_it_keeps_secrets_whose_fields_are_empty() -> None:
    values = COMPLETE | {
        "client_secret": "",
        "refresh_token": "",
        "client_id": "amzn1.application-oa2-client.new",
    }
    config = saved(form(platform(**COMPLETE), **values))
    assert config == COMPLETE | {"client_id": "amzn1.application-oa2-client.new"}


def test_it_replaces_one_secret_alone() -> None:
    config = saved(
        form(platform(**COMPLETE), **COMPLETE | {"client_secret": "", "refresh_token": "Atzr|new"})
    )
    assert config == COMPLETE | {"refresh_token": "Atzr|new"}


def test_it_removes_credentials_when_asked_to() -> None:
    values = COMPLETE | {"client_secret": "", "refresh_token": "", "remove_credentials": "on"}
    assert saved(form(platform(**COMPLETE), **values)) == {}


def test_it_does_not_guess_when_asked_to_remove_and_to_store() -> None:
    bound = form(platform(**COMPLETE), **COMPLETE, remove_credentials="on")
    assert "not both" in bound.errors["remove_credentials"][0]
    assert platform().api_config == COMPLETE


def test_it_says_how_to_remove_credentials_to_those_who_empty_the_fields() -> None:
    bound = form(platform(**COMPLETE), client_id="", marketplace_id="")
    assert "Remove the stored credentials" in bound.errors["client_id"][0]


def test_it_leaves_unreadable_credentials_alone() -> None:
    instance = with_an_unknown_key()
    before = stored_text()
    bound = form(instance, display_name="Renamed")
    assert bound.is_valid()
    bound.save()
    assert stored_text() == before


def test_it_wants_all_values_before_it_overwrites_unreadable_credentials() -> None:
    instance = with_an_unknown_key()
    before = stored_text()
    bound = form(instance, **COMPLETE | {"refresh_token": ""})
    assert "cannot be read" in bound.errors["refresh_token"][0]
    assert stored_text() == before


def test_it_overwrites_unreadable_credentials_with_complete_ones() -> None:
    assert saved(form(with_an_unknown_key(), **COMPLETE)) == COMPLETE


def test_it_keeps_showing_a_marketplace_that_nobody_knows() -> None:
    instance = platform(**COMPLETE | {"marketplace_id": "AXXXX"})
    assert "AXXXX (not known)" in str(form_for("amazon")(instance=instance)["marketplace_id"])
    bound = form(instance, **COMPLETE | {"client_secret": "", "refresh_token": "", "marketplace_id": "AXXXX"})
    assert bound.is_valid()
    assert bound.new_config is None


def test_it_never_renders_a_secret() -> None:
    instance = platform(**COMPLETE)
    refused = form(instance, **COMPLETE | {"client_secret": "typed-secret", "client_id": ""})
    assert not refused.is_valid()
    html = form_for("amazon")(instance=instance).as_p() + refused.as_p()
    assert not [secret for secret in (SECRET, TOKEN, "typed-secret") if secret in html]


def test_it_keeps_browsers_from_filling_in_the_logins_password() -> None:
    html = "".join(
        str(form_for("amazon")(instance=platform())[name]) for name in ("client_secret", "refresh_token")
    )
    assert html.count('autocomplete="new-password"') == html.count('type="password"') == 2


def help_of(name: str, instance: Platform) -> str:
    return str(form_for("amazon")(instance=instance).fields[name].help_text)


def test_it_says_whether_a_secret_is_stored_and_links_to_where_it_is_found() -> None:
    assert "Nothing is stored" in help_of("refresh_token", platform())
    Platform.objects.update(api_config=COMPLETE)  # written past the model
    assert "Stored, never shown." in help_of("refresh_token", platform())
    link = 'href="https://sellercentral-europe.amazon.com/sellingpartner/developerconsole"'
    config = COMPLETE | {"marketplace_id": GERMANY, "region": "EU"}
    for name in ("client_id", "client_secret", "refresh_token"):
        assert link in help_of(name, platform(**config))


def test_it_says_since_when_a_secret_is_stored_and_how_a_long_one_ends() -> None:
    saved(form(platform(), **COMPLETE))
    set_at = platform().credentials_set_at
    assert set(set_at) == set(COMPLETE)
    day = set_at["client_secret"][:10]
    assert f"Set on {day}. Ends in <code>…cret</code>." in help_of("client_secret", platform())
    assert f"Set on {day}." in help_of("refresh_token", platform())
    assert "Ends in" not in help_of("refresh_token", platform())  # 16 characters


def test_it_remembers_the_day_of_each_value_that_changed() -> None:
    saved(form(platform(), **COMPLETE))
    long_ago = "2025-03-12T14:00:00+00:00"
    Platform.objects.update(credentials_set_at=dict.fromkeys(COMPLETE, long_ago))
    saved(form(platform(), **COMPLETE | {"client_secret": "another", "refresh_token": ""}))
    set_at = platform().credentials_set_at
    assert set_at.pop("client_secret") > long_ago
    assert set(set_at.values()) == {long_ago}
    assert "Set on 2025-03-12." in help_of("refresh_token", platform())
    saved(form(platform(), remove_credentials="on"))
    assert platform().credentials_set_at == {}


def test_it_takes_credentials_written_with_sql_for_set_when_they_are_first_used() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE platforms SET api_config = %s", [json.dumps(COMPLETE)])
    assert platform().encrypt_plain_config()
    assert set(platform().credentials_set_at) == set(COMPLETE)


def test_it_offers_every_marketplace_by_country_currency_and_id() -> None:
    html = str(form_for("amazon")(instance=platform())["marketplace_id"])
    assert "🇩🇪 Germany, EUR (A1PA6795UKMFR9)" in html
    assert 'data-region="Far East"' in html
    assert html.count("<optgroup") == 3


def test_it_says_which_region_follows_from_the_marketplace() -> None:
    config = COMPLETE | {"marketplace_id": GERMANY, "region": "EU"}
    assert "Europe, Middle East, Africa and India</output>" in help_of("marketplace_id", platform(**config))
    assert "follows from the marketplace</output>" in help_of("marketplace_id", Platform())


def test_it_has_a_field_for_each_value() -> None:
    assert set(form_for("amazon").credentials) <= set(form_for("amazon")(instance=platform()).fields)


def test_it_says_at_its_field_which_credential_is_something_else() -> None:
    wrong = {"client_id": "amzn1.sp.solution.1", "client_secret": "s3cr\u200bet", "refresh_token": "Atza|x"}
    bound = form(platform(), **COMPLETE | wrong)
    assert {name: len(texts) for name, texts in bound.errors.items()} == dict.fromkeys(wrong, 1)
    assert "begins with amzn1.application-oa2-client." in bound.errors["client_id"][0]
    assert "ZERO WIDTH SPACE" in bound.errors["client_secret"][0]
    assert "begins with Atzr|" in bound.errors["refresh_token"][0]
