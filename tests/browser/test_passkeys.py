"""A passkey in a browser, with the virtual device of its developer tools: made, and used at the next sign-in."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from access.second_factor.models import Passkey

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# https://chromedevtools.github.io/devtools-protocol/tot/WebAuthn/
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_it_is_made_and_signs_in(
    log_in: Callable[..., Page], grave_problems: Callable[[Page], list[str]]
) -> None:
    page = log_in(at="/admin/second-factor/")  # http://localhost, where browsers know passkeys without TLS
    user = User.objects.latest("pk")
    expect(page.get_by_label("Name")).to_have_value(re.compile(r"Chrome \d+, Linux"))
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    page.get_by_label("Name").fill("Laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    expect(page.get_by_role("button", name="Remove the passkey Laptop")).to_be_visible()
    assert grave_problems(page) == []
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("This device has a passkey of yours already.")).to_be_visible()

    page.get_by_role("button", name=re.compile("^user0")).click()
    page.get_by_role("button", name="Log out").click()
    page.goto("/admin/second-factor/")
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill("a long pass phrase")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Use a passkey")).to_be_visible()
    assert grave_problems(page) == []
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Passkeys")).to_be_visible()
    assert Passkey.objects.get().last_used_at is not None
