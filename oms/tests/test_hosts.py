"""Hosts and origins as people write them: read as meant, or refused by name."""

from typing import Any

import pytest
from django.core.checks import run_checks
from django.http.request import validate_host

from oms.hosts import hosts, origins


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", []),
        (" , ,", []),
        ("oms.example", ["oms.example"]),
        ("a.example, oms.example", ["a.example", "oms.example"]),
        (" a.example ,oms.example,", ["a.example", "oms.example"]),
        ("a.example oms.example", ["a.example", "oms.example"]),
        ("a.example;oms.example", ["a.example", "oms.example"]),
        ("a.example,\n  oms.example\n", ["a.example", "oms.example"]),
        ("https://oms.example", ["oms.example"]),
        ("https://oms.example/", ["oms.example"]),
        ("HTTPS://OMS.Example/admin/", ["oms.example"]),
        ("oms.example/", ["oms.example"]),
        ("oms.example:8000", ["oms.example"]),
        ("oms.example:", ["oms.example"]),
        ("http://127.0.0.1:8000/", ["127.0.0.1"]),
        ("oms.example.", ["oms.example"]),
        ('"oms.example"', ["oms.example"]),
        ("'a.example','oms.example'", ["a.example", "oms.example"]),
        ('["oms.example"]', ["oms.example"]),
        ('["a.example", "https://oms.example:443/"]', ["a.example", "oms.example"]),
        ("['a.example', 'oms.example']", ["a.example", "oms.example"]),
        ("('a.example', 'oms.example')", ["a.example", "oms.example"]),
        ("[oms.example]", ["oms.example"]),
        ("[::1]", ["[::1]"]),
        ("::1", ["[::1]"]),
        ("[::1]:8000", ["[::1]"]),
        ("http://[::1]:8000/", ["[::1]"]),
        ("[::1],localhost,[fe80::1]", ["[::1]", "localhost", "[fe80::1]"]),
        ("[[::1], localhost]", ["[::1]", "localhost"]),
        ('["[::1]"]', ["[::1]"]),
        (".oms.example", [".oms.example"]),
        ("*.oms.example", [".oms.example"]),
        ("https://*.oms.example:8443/", [".oms.example"]),
        ("*", ["*"]),
        ("bücher.example", ["xn--bcher-kva.example"]),
    ],
)
def test_it_reads_hosts_as_meant(written: str, meant: list[str]) -> None:
    assert hosts(written) == meant


def test_django_answers_the_hosts_that_were_meant() -> None:
    allowed = hosts('["https://oms.example:8000/", "*.shop.example", "::1"]')
    assert all(validate_host(host, allowed) for host in ("oms.example", "eu.shop.example", "[::1]"))
    assert not validate_host("other.example", allowed)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", []),
        ("https://oms.example", ["https://oms.example"]),
        ("https://oms.example/", ["https://oms.example"]),
        ("https://oms.example/admin/login/?next=/", ["https://oms.example"]),
        ("HTTPS://OMS.Example", ["https://oms.example"]),
        ("https://oms.example:443", ["https://oms.example"]),
        ("http://oms.example:80/", ["http://oms.example"]),
        ("https://oms.example:8443/", ["https://oms.example:8443"]),
        ("http://oms.example:443", ["http://oms.example:443"]),
        ("https://a.example, https://oms.example", ["https://a.example", "https://oms.example"]),
        ("https://a.example https://oms.example", ["https://a.example", "https://oms.example"]),
        ('["https://oms.example"]', ["https://oms.example"]),
        ("['https://a.example/', 'https://oms.example/']", ["https://a.example", "https://oms.example"]),
        ("https://*.oms.example/", ["https://*.oms.example"]),
        ("http://[::1]:8000/", ["http://[::1]:8000"]),
        ("https://bücher.example", ["https://xn--bcher-kva.example"]),
    ],
)
def test_it_reads_origins_as_meant(written: str, meant: list[str]) -> None:
    assert origins(written) == meant
    assert run_checks() == []


@pytest.mark.parametrize(
    "written",
    [
        "oms_1.example",
        "user@oms.example",
        "$OMS_HOST",
        "oms.example#",
        "-oms.example",
        "oms.*",
        "öms_1.example",
    ],
)
def test_it_refuses_a_host_that_no_browser_asks_for_by_its_name(settings: Any, written: str) -> None:
    settings.ALLOWED_HOSTS = hosts(f"oms.example, {written}")
    (problem,) = run_checks()
    assert (problem.id, repr(settings.ALLOWED_HOSTS[1]) in problem.msg) == ("oms.E003", True)


@pytest.mark.parametrize(
    "written",
    [
        "oms.example",
        "*",
        "https://*",
        "https://.oms.example",
        "https://oms_1.example",
        "ftp://oms.example",
        "https://user:pw@oms.example",
        "https://oms.example:port",
        "https:/oms.example",
    ],
)
def test_it_refuses_an_origin_that_no_browser_sends_by_its_name(settings: Any, written: str) -> None:
    settings.CSRF_TRUSTED_ORIGINS = origins(f"https://oms.example, {written}")
    problems = [problem for problem in run_checks() if problem.id == "oms.E004"]
    assert [repr(written) in problem.msg for problem in problems] == [True]
