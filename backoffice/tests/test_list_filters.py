"""What the lists of the admin are asked for in their addresses: what no filter offers or can read is refused, by name,
and lists and exports nothing. The lists and their filters are those that are registered."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from itertools import islice, zip_longest
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.core.exceptions import FieldError
from django.test import Client, RequestFactory
from django.urls import reverse

from api.tests.rest import amazon, make_order, make_stock, make_text
from backoffice.base.model_admin import DayRangeFilter, several_of
from backoffice.base.offered import MOST_WORDS, OfferedLists, offered_parameters
from backoffice.lists.days import Days
from backoffice.models import ScheduledExport
from integrations.models import ApiQuota, ApiUsage, OrderAudit, SyncFailure, SyncLog
from integrations.tasks import continue_sync
from inventory.models import PlannedSku
from orders.models import Erasure, LegalHold, OrderBuyer, PickList, Shipment
from platforms.models import Platform
from webhooks.models import Delivery, Endpoint

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
# A word, a list, a NUL, a number that no column holds, blanks, a day that does not exist, a digit that int() reads.
ODD = ("no-such-thing", "pending,shipped;", "\0", "9" * 40, "  ", "31.02.2026", "٣")
# Lookups that Django would take; the last ones follow relations.
NOT_OFFERED = (
    "id__gt", "pk__in", "title__regex", "api_config__contains", "api_config__isnull", "platform__api_config__regex",
    "order__buyer__data__contains", "buyer__data__contains", "buyer__isnull", "payload__contains", "no_such_field",
    "user__password__startswith", "password__startswith", "credentials_set_at__has_key", "status__regex",
)  # fmt: skip
MOST_CHOICES = 8  # there are 23 marketplaces
LISTS = {model._meta.label: model_admin for model, model_admin in admin.site._registry.items()}


@pytest.fixture
def rows(db: None) -> None:
    """At least one in each list."""
    platform = amazon()
    order = make_order()
    OrderBuyer.objects.create(order=order, data={"name": "Ada"}, purge_after=NOW)
    Shipment.objects.create(order=order, platform=platform, package_number=1001, source="live", carrier="UPS")
    make_stock()
    log = SyncLog.objects.create(
        platform=platform, kind="orders", trigger="admin", status="partial", failed=1
    )
    SyncFailure.objects.create(log=log, platform=platform, kind="orders", external_id="111-0000009-0000009")
    ApiUsage.objects.create(platform=platform, operation="searchOrders", hour=NOW, calls=1)
    ApiQuota.objects.create(
        account_key="a", operation="searchOrders", rate=1, burst=1, tokens=1, updated_at=NOW
    )
    OrderAudit.objects.create(platform=platform, trigger="api", window_start=NOW, window_end=NOW)
    make_text(User.objects.create_user("somebody"))
    LegalHold.objects.create(platform=platform, reason="a case", until=NOW)
    Erasure.objects.create(number="1", scope="platform", about="amazon", started_at=NOW)
    PickList.objects.create(made_by="Ana")
    PlannedSku.objects.create(platform=platform, source="live", sku="SKU-1", lead_days=1, target_days=1)
    endpoint = Endpoint.objects.create(name="shop", url="https://shop.example/")
    Delivery.objects.create(endpoint=endpoint, message_id="msg_1", event="order.created", body="{}")
    ScheduledExport.objects.create(name="orders", file="orders", destination="folder", file_stem="orders")
    continue_sync.enqueue(log.pk)


def address_of(model: Any, page: str = "changelist") -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}")


def specs_of(model_admin: Any, client: Client) -> list[Any]:
    """The filters as the page has them, hidden ones too."""
    request = RequestFactory().get("/")
    request.user = User.objects.get(username="admin")
    made = []
    for entry in model_admin.get_list_filter(request):
        if isinstance(entry, type):
            made.append(entry(request, {}, model_admin.model, model_admin))
            continue
        path, filter_class = entry if isinstance(entry, tuple) else (entry, admin.FieldListFilter.create)
        field = model_admin.model._meta.get_field(path)
        made.append(filter_class(field, request, {}, model_admin.model, model_admin, field_path=path))
    return made


def refused(client: Client, model_admin: Any, **query: Any) -> list[str]:
    """What the page and every export of the list find wrong; they list and write nothing."""
    asked = urlencode(query, doseq=True)
    page = client.get(f"{address_of(model_admin.model)}?{asked}")
    assert page.status_code == 400, query
    changelist = page.context["cl"]
    assert (changelist.result_count, list(changelist.result_list)) == (0, []), query
    text = unescape(page.content.decode())
    assert all(problem in text for problem in [*changelist.problems, "No row is listed."])
    for export in getattr(model_admin, "exports", ()):
        opts = model_admin.opts
        name = f"admin:{opts.app_label}_{opts.model_name}_export"
        answer = client.get(f"{reverse(name, args=[export.name, 'csv'])}?{asked}")
        assert answer.status_code == 400, query
        assert all(problem in answer.content.decode() for problem in changelist.problems)
    problems: list[str] = changelist.problems
    return problems


@pytest.mark.parametrize("label", LISTS)
def test_every_list_refuses_what_its_filters_cannot_read(
    rows: None, admin_client: Client, label: str
) -> None:
    model_admin = LISTS[label]
    assert isinstance(model_admin, OfferedLists)
    assert admin_client.get(address_of(model_admin.model)).context["cl"].result_count > 0
    names = offered_parameters(model_admin, None)
    for value in ODD if names else ():
        found = refused(admin_client, model_admin, **dict.fromkeys(names, value))
        assert len(found) == len(names), (value, found)  # each of them would do alone
    if names:
        single = names - set(several_of(model_admin, RequestFactory().get("/")))
        found = refused(admin_client, model_admin, **{name: ["0", "1"] for name in single})
        assert len([problem for problem in found if "more than once" in problem]) == len(single)


@pytest.mark.parametrize("label", LISTS)
def test_every_list_reads_what_its_filters_offer(rows: None, admin_client: Client, label: str) -> None:
    model_admin = LISTS[label]
    specs = specs_of(model_admin, admin_client)
    names = {name for spec in specs for name in spec.expected_parameters()}
    assert names == offered_parameters(model_admin, None)
    queries = [dict.fromkeys(names, "")]  # as the form sends them
    for some in islice(zip_longest(*map(_choices, specs), fillvalue={}), MOST_CHOICES):
        queries.append({name: value for one in some for name, value in one.items()})
    for query in queries:
        page = admin_client.get(address_of(model_admin.model), query)
        assert (page.status_code, page.context["cl"].problems) == (200, []), query


def _choices(spec: Any) -> Iterator[dict[str, Any]]:
    """What the filter's own widget or links ask for, one after the other."""
    first = spec.expected_parameters()[0]
    if isinstance(spec, DayRangeFilter):
        yield dict.fromkeys((f"{spec.field_path}_from", f"{spec.field_path}_to"), "2026-11-26")
        yield from ({spec.preset_name: name} for name in Days)
    elif isinstance(spec, admin.BooleanFieldListFilter):
        yield from ({first: "0"}, {first: "1"})
    elif isinstance(spec, admin.AllValuesFieldListFilter):
        yield from ({first: value} for value in spec.lookup_choices)
    else:
        choices = getattr(spec, "lookup_choices", None)
        offered = spec.field.flatchoices if choices is None else choices
        yield from ({first: value} for value, _label in offered)


@pytest.mark.parametrize("label", LISTS)
def test_no_list_takes_a_lookup_that_it_does_not_offer(rows: None, label: str, admin_user: User) -> None:
    """Neither from a Viewer nor from somebody who may do everything."""
    model_admin = LISTS[label]
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.groups.add(Group.objects.get(name="Viewer"))
    for user in (viewer, admin_user):
        client = Client()
        client.force_login(user)
        if client.get(address_of(model_admin.model)).status_code == 403:
            continue
        found = refused(client, model_admin, **dict.fromkeys(NOT_OFFERED, "^(.+)+!$"))
        assert found == [f"This list has no filter “{name}”." for name in NOT_OFFERED]


def test_no_filter_on_an_encrypted_column_would_open_it(rf: RequestFactory) -> None:
    """Whatever a list offers."""

    class Careless(OfferedLists, admin.ModelAdmin[Platform]):
        list_filter = ("api_config", "name")

    careless = Careless(Platform, admin.site)
    assert not careless.lookup_allowed("api_config", "x", rf.get("/"))
    assert careless.lookup_allowed("name", "x", rf.get("/"))


def test_an_encrypted_column_cannot_be_looked_up() -> None:
    for lookup in ("exact", "contains", "regex", "startswith", "in", "gt", "length"):
        value = ["{"] if lookup == "in" else "{"
        with pytest.raises(FieldError):
            Platform.objects.filter(**{f"api_config__{lookup}": value}).exists()
        with pytest.raises(FieldError):
            OrderBuyer.objects.filter(**{f"data__{lookup}": value}).exists()
    assert Platform.objects.filter(api_config__isnull=False).exists()


@pytest.mark.parametrize(
    ("language", "day", "unreadable"),
    [
        ("en", "2026-01-31", "31.01.2026"),
        ("de", "31.01.2026", "01/31/2026"),
        ("es", "31/01/2026", "31.01.2026"),
    ],
)
def test_days_are_read_as_the_calendar_of_each_language_writes_them(
    admin_client: Client, language: str, day: str, unreadable: str
) -> None:
    make_order("111-0000001-0000001", purchased_at=datetime(2026, 1, 31, 12, tzinfo=UTC))
    make_order("111-0000002-0000002", purchased_at=datetime(2026, 2, 1, 12, tzinfo=UTC))
    admin_client.cookies["django_language"] = language
    for written in (day, "2026-01-31", f" {day} "):
        page = admin_client.get(
            "/admin/orders/order/", {"purchased_at_from": written, "purchased_at_to": written}
        )
        assert [order.external_id for order in page.context["cl"].result_list] == ["111-0000001-0000001"]
        fields = re.findall(r'type="date" name="purchased_at_\w+" value="([^"]*)"', page.content.decode())
        assert fields == ["2026-01-31"] * 2  # as a browser takes it
    page = admin_client.get("/admin/orders/order/", {"purchased_at_to": unreadable})
    assert (page.status_code, list(page.context["cl"].result_list)) == (400, [])
    assert unreadable in page.content.decode()
    for far in ("0001-01-01", "1899-12-31", "9999-12-31"):
        assert admin_client.get("/admin/orders/order/", {"purchased_at_from": far}).status_code == 400


def test_a_page_that_is_not_there_keeps_the_filters(admin_client: Client) -> None:
    """It would list everything otherwise."""
    make_order("111-0000001-0000001", status="shipped")
    make_order("111-0000002-0000002", status="pending")
    page = admin_client.get("/admin/orders/order/?status__exact=pending&p=99", follow=True)
    assert [order.external_id for order in page.context["cl"].result_list] == ["111-0000002-0000002"]
    assert "There is no page 99" in page.content.decode()


@pytest.mark.parametrize("label", LISTS)
def test_every_list_refuses_a_page_and_an_order_that_it_cannot_read(
    rows: None, admin_client: Client, label: str
) -> None:
    model_admin = LISTS[label]
    columns = ("abc", "-", "99", "--1", "9" * 40)
    cannot = [f"This list cannot be sorted by “{column}”." for column in columns]
    for page in ("abc", "0", "9" * 40):
        found = refused(admin_client, model_admin, p=page, o=f".{'.'.join(columns)}.")
        assert found == [f"“{page}” is not the number of a page.", *cannot]
    assert len(refused(admin_client, model_admin, o=["", ""], p=["1", "2"], q=["", ""])) == 3
    address = address_of(model_admin.model)
    answer = admin_client.get(f"{address}?o=abc&p=abc&q=%00&no_such=1")
    shows_all = admin_client.get(address + answer.context["cl"].clear_all_filters_qs)
    assert (shows_all.status_code, shows_all.context["cl"].problems) == (200, [])
    assert shows_all.context["cl"].result_count > 0


def names_of(changelist: Any) -> list[str]:
    return [getattr(column, "__name__", column) for column in changelist.list_display]


@pytest.mark.parametrize("label", LISTS)
def test_every_list_is_sorted_by_what_its_headings_offer(
    rows: None, admin_client: Client, label: str
) -> None:
    address = address_of(LISTS[label].model)
    page = admin_client.get(
        address, {"o": "", "p": "1", "q": ""}
    )  # as the links of headings and forms send them
    headings = re.findall(r"<th [^>]*column-(\w+)", page.content.decode())
    assert headings == [name for name in names_of(page.context["cl"]) if name != "action_checkbox"]
    numbers = {
        number for o in re.findall(r"[?&;]o=([-.\w]+)", page.content.decode()) for number in o.split(".")
    }
    sorted_page = admin_client.get(address, {"o": ".".join(numbers)})
    assert (sorted_page.status_code, sorted_page.context["cl"].problems) == (200, [])


def test_a_search_that_no_database_takes_finds_nothing(rows: None, admin_client: Client) -> None:
    assert refused(admin_client, LISTS["orders.Order"], q="A\0B")
    for label in ("auth.User", "integrations.SyncLog"):
        assert refused(admin_client, LISTS[label], q="a " * (MOST_WORDS + 1))
        assert admin_client.get(address_of(LISTS[label].model), {"q": "a " * MOST_WORDS}).status_code == 200


def test_a_list_of_choices_is_read_where_a_link_has_one(admin_client: Client) -> None:
    for number, status in enumerate(("pending", "unshipped", "shipped")):
        make_order(f"111-0000001-000000{number}", status=status)
    page = admin_client.get("/admin/orders/order/", {"status__in": "pending,unshipped"})
    assert page.context["cl"].result_count == 2
    assert refused(admin_client, LISTS["orders.Order"], status__in="pending,lost")
    assert refused(admin_client, LISTS["orders.Order"], status__exact="pending,unshipped")


def test_one_platform_is_still_filtered_by(admin_client: Client) -> None:
    """The filter is hidden where there is nothing to choose between, but its parameter is not passed over."""
    make_order()
    orders = admin_client.get("/admin/orders/order/", {"platform__id__exact": amazon().pk})
    assert orders.context["cl"].result_count == 1
    assert refused(admin_client, LISTS["orders.Order"], platform__id__exact=amazon().pk + 1)


def test_an_action_on_a_list_that_refuses_changes_nothing(admin_client: Client, rows: None) -> None:
    failure = SyncFailure.objects.get()
    admin_client.post(
        "/admin/integrations/syncfailure/?state=nonsense",
        {"action": "dismiss_selected", "_selected_action": failure.pk, "index": 0, "select_across": "1"},
    )
    failure.refresh_from_db()
    assert failure.is_open


@pytest.mark.parametrize("odd", ["x", "1\0", "9" * 40, "-" + "9" * 19, " ", "1.5"])
def test_an_action_on_a_row_that_cannot_be_does_nothing(
    admin_client: Client, admin_user: User, rows: None, odd: str
) -> None:
    failure = SyncFailure.objects.get()
    asked = 0
    for model, model_admin in admin.site._registry.items():
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        request = RequestFactory().get(address)
        request.user = admin_user
        for name in model_admin.get_actions(request):
            asked += 1
            selected = [odd, failure.pk] if model is SyncFailure else odd
            data = {"action": name, "_selected_action": selected, "index": 0, "post": "yes"}
            response = admin_client.post(address, data, follow=True)
            assert "No items have been changed" in response.content.decode()
    assert asked > 5
    failure.refresh_from_db()
    assert failure.is_open
