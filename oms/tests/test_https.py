"""What browsers are told about HTTPS, with the settings of production."""

import subprocess

import pytest

from integrations.tests.processes import python

ASK = (
    "import django; django.setup(); from django.test import Client; "
    "print(Client().get('/healthz', secure=True).headers.get('Strict-Transport-Security'))"
)


def header(**changes: str) -> subprocess.CompletedProcess[str]:
    """The Strict-Transport-Security header of a new process under this environment, on its output."""
    named = {"DATABASE_URL": "sqlite://:memory:", "DJANGO_SETTINGS_MODULE": "oms.settings"}
    return python(["-c", ASK], named | changes)


@pytest.mark.own_database
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"REQUIRE_HTTPS": "on"}, "max-age=31536000"),
        (
            {"REQUIRE_HTTPS": "on", "HSTS_INCLUDE_SUBDOMAINS": "on"},
            "max-age=31536000; includeSubDomains",
        ),
        (
            {"REQUIRE_HTTPS": "on", "HSTS_INCLUDE_SUBDOMAINS": "on", "HSTS_PRELOAD": "on"},
            "max-age=31536000; includeSubDomains; preload",
        ),
        ({"REQUIRE_HTTPS": "off", "HSTS_INCLUDE_SUBDOMAINS": "on", "HSTS_PRELOAD": "on"}, "None"),
    ],
    ids=["alone", "subdomains", "preload", "without HTTPS"],
)
def test_it_binds_other_hosts_to_https_only_where_that_is_asked_for(
    changes: dict[str, str], expected: str
) -> None:
    answer = header(**changes)
    assert answer.stdout.strip() == expected, answer.stderr


@pytest.mark.own_database
def test_it_refuses_to_preload_a_domain_without_its_subdomains() -> None:
    answer = header(REQUIRE_HTTPS="on", HSTS_PRELOAD="on")
    assert "HSTS_PRELOAD is on and HSTS_INCLUDE_SUBDOMAINS is not" in answer.stderr
