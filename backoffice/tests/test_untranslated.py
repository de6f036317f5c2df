"""German and Spanish: no page, and no answer to a button, has a word that the catalogues do not reach."""

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import django
import pytest
from django.test import Client
from django.utils import timezone, translation

from backoffice.tests.catalogues import catalogue, marked, read_mo, write_mo
from integrations.models import ApiUsage, SyncFailure, SyncLog
from integrations.tests.syncing import INVENTORY, open_sync, platform_of, sync
from inventory.models import InventoryItem
from orders.models import Order, OrderBuyer
from platforms.models import Platform
from simulator import Simulator
from webhooks.models import Delivery, Endpoint

# Names, values as the platform wrote them, times; and what packages without translations call theirs.
# Sentences that were stored when something happened, as errors of syncs are, are in English.
DATA = re.compile(
    r"Read buyer data|cancelled|Cancelled before it was done; what was read before is stored|"
    r"Amazon Services, Inc|"
    r"OMS|Django-RQ|Django_Rq|Amazon|amazon|\(Amazon\)|\(?admin(@example\.com)?\)?|\(UTC\)|English|Deutsch|[Ee]spañol|esc|CSV|XLSX"
    r"|[A-Za-z]+\.[a-z_]+( A\d+)?|manage\.py run_webhooks|https://OMS"
    r"|malformed|token|NewItem|Operator|Shipper|Viewer|Manager|Privacy officer|Auth tokens|Task Results"
    r"|searchOrders|document|picture"
    r"|getInventorySummaries|GetInventorySummaries of .*|SearchOrders of .*|sellercentral\.amazon\.com"
    r"|[A-Z_]+|\(?A[A-Z0-9]{9,}\)?|.* UTC|([\d.,]+ )?[A-Z]{3}( \([A-Z0-9]+\))?|\w+ of 1 at .*|\d+-\d+-\d+"
    r"|(\d+ × )?(CAFE|CASE|Case|case)-1( \([A-Z0-9]+\))?|.+, no\. \d"
)
BRACKETS = re.compile(r"⟦[^⟦⟧]*⟧")
StartSimulator = Callable[..., Simulator]


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    with translation.override("en"):
        yield


# What labels.js calls parts that show an icon alone.
ICONS = (
    "data-dock_to_right",
    "data-close",
    "data-more_horiz",
    "data-more_vert",
    "data-package_2",
    "data-search",
)


class Words(HTMLParser):
    """What a reader sees or hears of a page; not scripts, styles, names of icons, and what people typed."""

    SILENT = ("script", "style", "textarea", "code", "pre", "title")
    SPOKEN = (
        "title",
        "aria-label",
        "placeholder",
        "alt",
        "data-failed",
        "data-busy",
        "data-preparing",
        "data-progress",
        "data-done",
        *ICONS,
    )

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        if self.silent or tag in self.SILENT or "material-symbols" in (has.get("class") or ""):
            if tag not in ("input", "img", "br", "link", "meta", "hr"):
                self.silent.append(tag)
            return
        self.found += [text for name in self.SPOKEN if (text := has.get(name))]

    def handle_endtag(self, tag: str) -> None:
        if self.silent and tag == self.silent[-1]:
            self.silent.pop()

    def handle_data(self, data: str) -> None:
        if not self.silent and data.strip():
            self.found.append(" ".join(data.split()))


@pytest.fixture
def marks(settings: Any, tmp_path: Path) -> Iterator[None]:
    """German, but each text in its English ⟦in brackets⟧ if it went through gettext."""
    texts: dict[str, str] = {}
    for path in [
        *Path(django.__file__).parent.rglob("locale/de/LC_MESSAGES/django.mo"),
        catalogue("de", "mo"),
    ]:
        texts |= read_mo(path)
    write_mo(tmp_path / "de" / "LC_MESSAGES" / "django.mo", marked(texts))
    settings.LOCALE_PATHS = [tmp_path]
    forget_texts()
    yield
    forget_texts()


def forget_texts() -> None:
    """Those that are kept by language; they are of another catalogue."""
    modules = [module for name, module in sys.modules.items() if name.startswith(("backoffice.", "core."))]
    for kept in [each for module in modules for each in vars(module).values()]:
        if hasattr(kept, "cache_clear") and "_language" in inspect.signature(kept).parameters:
            kept.cache_clear()


def untranslated(found: Iterable[str]) -> set[str]:
    """What stands outside of all brackets, and is neither data nor too short to be a word."""
    text = "\n".join(found)  # a sentence may begin before a link and end behind it
    while (rest := BRACKETS.sub("\n", text)) != text:  # the inner ones first
        text = rest
    left = {part.strip(" .,:;·–") for part in text.split("\n")}
    return {each for each in left if re.search(r"[A-Za-z]{3}", each) and not DATA.fullmatch(each)}


def pages() -> list[str]:
    platform, order = Platform.objects.get(), Order.objects.first()
    assert order is not None
    lists = (
        "auth/user", "auth/group",
        "orders/order", "inventory/inventoryitem", "platforms/platform", "integrations/synclog",
        "integrations/syncfailure", "integrations/apiusage", "integrations/apiquota",
        "webhooks/endpoint", "webhooks/delivery",
    )  # fmt: skip
    rows = (
        order,
        platform,
        *SyncLog.objects.all(),
        SyncFailure.objects.first(),
        InventoryItem.objects.first(),
        ApiUsage.objects.first(),
        *Endpoint.objects.all(),
        *Delivery.objects.all(),
    )
    changes = [f"{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change" for row in rows if row]
    others = [
        "home-charts", "platforms/platform/add", "webhooks/endpoint/add",
        f"platforms/platform/sync/?platform={platform.pk}",
        "where", f"where/?id={order.external_id}", "where/?id=902-0000000-0000000", "where/?id=nonsense",
        f"orders/order/{order.pk}/buyer", f"orders/order/{order.pk}/history", "password_change", "alerts",
        "orders/order/?to_ship=overdue", "inventory/inventoryitem/?stock=low", "integrations/syncfailure/?state=all",
        "shipping/import", "shipping/orders",
    ]  # fmt: skip
    return [
        "/admin/",
        *(f"/admin/{each}{'' if '?' in each else '/'}" for each in [*lists, *changes, *others]),
    ]


@pytest.fixture
def filled(start_simulator: StartSimulator) -> Platform:
    """Something of everything that a page can show: a sync that failed records, one that waits, a buyer."""
    platform = platform_of(start_simulator(orders=12, skus=4))
    log = sync(platform)
    sync(platform, INVENTORY)
    open_sync(platform)
    SyncLog.objects.filter(pk=log.pk).update(failed=1, status="partial")
    SyncFailure.objects.create(
        log=log,
        platform=platform,
        kind="orders",
        external_id=Order.objects.all()[0].external_id,
        error_code="malformed",
        error_message="-",
    )
    OrderBuyer.objects.create(
        order=Order.objects.all()[0], data={"name": "-"}, purge_after=timezone.now() + timedelta(days=3)
    )
    now = timezone.now()
    some: dict[str, Any] = {"position": 0, "url": "https://OMS"}
    Endpoint.objects.create(name="OMS", lease_expires_at=now - timedelta(hours=1), **some)
    Endpoint.objects.create(name="OMS", failing_since=now, paused_until=now, **some)
    off = Endpoint.objects.create(
        name="OMS", is_active=False, off_reason=Endpoint.Off.FAILING, switched_off_at=now, **some
    )
    for number, problem in enumerate(Delivery.Problem):
        Delivery.objects.create(
            endpoint=off, message_id=f"A{number}", event="order.created", body="{}", problem=problem, attempts=1,
            state=list(Delivery.State)[number % 3],
        )  # fmt: skip
    return platform


def words_of(response: Any) -> list[str]:
    assert response.status_code == 200
    words = Words()
    words.feed(response.content.decode())
    assert any("⟦" in each for each in words.found)
    return words.found


@pytest.mark.once
@pytest.mark.django_db
def test_it_has_no_word_on_its_pages_that_cannot_be_translated(
    filled: Platform, marks: None, admin_client: Client
) -> None:
    admin_client.cookies["django_language"] = "de"
    for page in pages():
        assert untranslated(words_of(admin_client.get(page))) == set(), page


@pytest.mark.once
@pytest.mark.django_db
def test_it_has_no_word_in_its_answers_that_cannot_be_translated(
    filled: Platform, marks: None, admin_client: Client
) -> None:
    """What comes after a button was pressed, together with the messages about it."""
    admin_client.cookies["django_language"] = "de"
    order, item, failure = (
        Order.objects.earliest("pk"),
        InventoryItem.objects.earliest("pk"),
        SyncFailure.objects.get(),
    )
    running = SyncLog.objects.get(status="queued")
    where, platforms, stock = "/admin/where/", "/admin/platforms/platform/", "/admin/inventory/inventoryitem/"
    chosen = {"action": "set_threshold", "_selected_action": str(item.pk), "index": "0"}
    asked = {"platform": str(filled.pk), "kind": "both", "span": "days", "by": "updated"}
    for address, fields in (
        (where, {"id": order.external_id, "ask": str(filled.pk)}),
        (where, {"id": order.external_id, "store": str(filled.pk)}),
        (f"{platforms}sync/", asked | {"days": "0"}),
        (f"{platforms}sync/", asked | {"span": "between", "since": "2099-01-01T00:00"}),
        (
            f"{platforms}sync/",
            asked | {"span": "between", "since": "2026-01-02T00:00", "until": "2026-01-01T00:00"},
        ),
        (f"{platforms}sync/", asked | {"days": "3"}),
        (f"{platforms}{filled.pk}/change/", {"name": "", "client_id": "-"}),
        (stock, chosen),
        (stock, chosen | {"set": "1", "threshold": "many"}),
        (stock, chosen | {"set": "1", "threshold": "5"}),
        (f"/admin/integrations/synclog/{running.pk}/press/cancel/", {}),
        (f"/admin/integrations/syncfailure/{failure.pk}/press/replay/", {}),
        (f"/admin/integrations/syncfailure/{failure.pk}/press/dismiss/", {}),
    ):
        answer = admin_client.post(address, fields, follow=True)
        assert untranslated(words_of(answer)) == set(), (address, fields)


# What is counted may be thousands: it is written by core.format.grouped, "1,753", and filled into a text as words are.
COUNTED = re.compile(r"%\((all|calls|count|counter|errors|lines|pages|rows|skus|throttled|units)\)d")
PLURAL = re.compile(r"{% blocktrans(?:late)? ([^%]*?)%}(.*?){% endblocktrans", re.S)


def test_what_is_counted_has_separators() -> None:
    plain = [
        f"{path}: {found[0]}"
        for folder in ("backoffice", "integrations", "access", "webhooks", "audit")
        for path in Path(folder).rglob("*.py")
        if "tests" not in path.parts
        for found in COUNTED.finditer(path.read_text())
    ]
    for path in Path("templates").rglob("*.html"):
        for options, text in PLURAL.findall(path.read_text()):
            counter = re.search(r"\bcount (\w+)=", options)
            if counter and f"{{{{ {counter[1]} }}}}" in text:
                plain.append(f"{path}: {counter[1]} is shown as it is; show it by the filter “grouped”")
    assert not plain, "\n".join(plain)


def test_what_a_number_is_counted_by_is_not_its_text() -> None:
    """`with left=left|grouped` hides the number that `count counter=left` reads: the page breaks."""
    hidden = []
    for path in Path("templates").rglob("*.html"):
        for options, _text in PLURAL.findall(path.read_text()):
            counted = re.search(r"\bcount \w+=(\w+)", options)
            if counted and re.search(rf"\b(?<!count ){counted[1]}=", options):
                hidden.append(f"{path}: {counted[1]}")
    assert not hidden, "\n".join(hidden)
