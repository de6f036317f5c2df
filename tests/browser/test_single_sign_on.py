"""Signing out at the provider in a browser, whose policy lets no form lead away; and the page that connects users."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.cache import cache
from playwright.sync_api import Page, expect

from access.oidc.session import KEY
from access.sessions import SessionStore
from access.tests.oidc_provider import CLIENT, Provider
from audit.recording import record

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_it_connects_and_signs_out_there(
    log_in: Callable[..., Page], grave_problems: Callable[[Page], list[str]], settings: Any
) -> None:
    with Provider().running() as provider:
        settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID = provider.issuer, CLIENT
        settings.OIDC_LABEL, settings.OIDC_LOGOUT = "Keycloak", True
        provider.described = {"end_session_endpoint": f"{provider.issuer}/logout"}
        cache.clear()
        facts = {"by": "oidc", "why": "unknown", "subject": "248289761001", "name": "ada"}
        record("login.failed", changes=facts)
        page = log_in(at=None)
        user = User.objects.get()
        page.goto(f"/admin/auth/user/{user.pk}/change/")
        page.get_by_role("link", name="Connect with Keycloak").click()
        assert grave_problems(page) == []
        page.get_by_role("button", name="Connect ada").click()
        expect(page.get_by_text("Signs in as 248289761001")).to_be_visible()

        store = SessionStore()
        row = Session.objects.get()
        data = row.get_decoded() | {KEY: {"fresh": True}}
        Session.objects.filter(pk=row.pk).update(session_data=store.encode(data))
        page.get_by_role("button", name=re.compile("^user0")).click()
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url(f"{provider.issuer}/logout?client_id={CLIENT}&**")
    cache.clear()
