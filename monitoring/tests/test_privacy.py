"""`manage.py privacy_report`: what is stored, who may read it, who did, and what is held."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.utils import timezone

from access.tokens import make_token
from api.tests.rest import amazon, make_order
from core.encryption import SecretDict
from orders.buyer_reading import read_buyer
from orders.erasing import erase_of_order
from orders.models import LegalHold, OrderBuyer

pytestmark = pytest.mark.django_db


def ran(*arguments: str) -> str:
    out = StringIO()
    call_command("privacy_report", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_it_says_what_is_stored_who_may_read_it_and_who_did() -> None:
    now = timezone.now()
    first, second = make_order("1"), make_order("2")
    for order, days in ((first, -1), (second, 9)):
        due = now + timedelta(days=days)
        OrderBuyer.objects.create(order=order, data=SecretDict({"name": "Zoë Canary"}), purge_after=due)
    officer, _other = User.objects.create_user("officer"), User.objects.create_user("other")
    officer.groups.add(Group.objects.get(name="Privacy officer"))
    make_token(officer, name="labels", scopes=["read", "buyer_data"])
    make_token(officer, name="lists", scopes=["read"])
    read_buyer(second, reason="label")
    erase_of_order(second)
    LegalHold.objects.create(platform=amazon(), order=first, reason="case 7", until=now + timedelta(days=3))

    found = json.loads(ran("--json"))
    assert (
        found["platforms"][0] | {"platform": "amazon", "orders_with_buyer_data": 1} == found["platforms"][0]
    )
    about = found["buyer_data"]
    assert (about["orders"], about["overdue"], about["deleted_for_good"]) == (1, 1, {"erased": 1})
    assert found["may_read"] == {"users": ["officer"], "groups": ["Privacy officer"]}
    assert [token["name"] for token in found["tokens"]] == ["labels"]
    assert [row["count"] for row in (*found["readings"], *found["erasures"])] == [1, 1]
    assert found["keys"]["configured"] == 1
    assert found["keys"]["first_in_use_since"] < found["at"]
    assert (found["holds"][0]["order"], found["holds"][0]["reason"]) == ("1", "case 7")
    text = ran()
    for line in (
        "  Buyer data is stored of 1 order.\n  PAST ITS DAY: that of 1 order.",
        "  Deleted for good so far: 1 order on request.\n  amazon stores no buyer data; it is there of 1 order, ",
        "  read: officer; groups: Privacy officer\n",
        "  by the API token 'labels' of officer, until ",
        "\nLegal holds\n  amazon, order 1, until ",
    ):
        assert line in text
    assert "Canary" not in text + json.dumps(found)
