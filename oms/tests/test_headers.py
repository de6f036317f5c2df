"""What browsers are told about each sort of answer. The browser's tests fail where a page breaks its policy."""

import re

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("address", "scripts"),
    [
        ("/admin/", "'self' 'unsafe-eval'"),
        ("/admin/login/", "'self' 'unsafe-eval'"),
        ("/docs", "'self'"),
        ("/orders", None),
        ("/nowhere", None),
        ("/healthz", None),
        ("/schema", None),
        ("/static/oms/charts.js", None),
    ],
)
def test_each_answer_says_what_it_may_run(admin_client: Client, address: str, scripts: str | None) -> None:
    answer = admin_client.get(address)
    answer.close()
    found = dict(part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; "))
    assert (found.get("script-src"), found["default-src"], found["frame-ancestors"]) == (
        scripts,
        "'none'",
        "'none'",
    )
    assert "camera=()" in answer["Permissions-Policy"]
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("address", ["/admin/", "/docs"])
def test_pages_have_no_script_of_their_own(admin_client: Client, address: str) -> None:
    page = admin_client.get(address).content.decode()
    assert re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>|\son[a-z]+=\"", page) == []
    assert "<script" in page
