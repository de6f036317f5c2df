"""What OIDC_* may say, and what is said of what is wrong with it."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from oms.oidc_settings import oidc

GOOD = {"OIDC_ISSUER": "https://id.example/realms/shop", "OIDC_CLIENT_ID": "oms"}


def given(monkeypatch: pytest.MonkeyPatch, **values: str) -> dict[str, object]:
    for name, value in (GOOD | values).items():
        monkeypatch.setenv(name, value)
    return oidc()


def test_it_reads_groups_and_what_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    found = given(
        monkeypatch,
        OIDC_GROUPS="/shop/ops = Operator, a=b=Privacy officer,",
        OIDC_SUPERUSERS=" admins , root",
        OIDC_REQUIRE="hd=shop.example",
        OIDC_SCOPES="openid, email groups",
    )
    assert found["OIDC_GROUPS"] == [("/shop/ops", "Operator"), ("a=b", "Privacy officer")]
    assert found["OIDC_SUPERUSERS"] == {"admins", "root"}
    assert found["OIDC_REQUIRE"] == [("hd", "shop.example")]
    assert found["OIDC_SCOPES"] == "openid email groups"
    assert (found["OIDC_CREATE_USERS"], found["OIDC_SECOND_FACTOR"]) == (False, False)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"OIDC_ISSUER": "id.example"}, "write it as the provider names itself"),
        ({"OIDC_ISSUER": "http://id.example"}, "http:// is taken for this machine alone"),
        ({"OIDC_ISSUER": "https://[id"}, "write it as the provider names itself"),
        ({"OIDC_ISSUER": "https://id.example/?realm=1"}, "write it as the provider names itself"),
        ({"OIDC_CLIENT_ID": ""}, "OIDC_ISSUER and OIDC_CLIENT_ID go together"),
        ({"OIDC_ISSUER": ""}, "OIDC_ISSUER and OIDC_CLIENT_ID go together"),
        ({"OIDC_GROUPS": "Operator"}, "write pairs with commas between: oms-viewers=Viewer"),
        ({"OIDC_REQUIRE": "=x"}, "OIDC_REQUIRE is not understood"),
        ({"OIDC_CREATE_USERS": "perhaps"}, "it takes on or off"),
    ],
)
def test_it_says_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=sentence):
        given(monkeypatch, **values)


def test_this_machine_may_be_asked_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    assert given(monkeypatch, OIDC_ISSUER="http://localhost:8080/realms/shop")["OIDC_LABEL"] == ""
