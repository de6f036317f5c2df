"""German and Spanish: the catalogues are complete, and no page has a word that they do not reach."""

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import django
import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import translation

from integrations.models import ApiUsage, SyncFailure, SyncLog
from integrations.tests.syncing import INVENTORY, platform_of, sync
from inventory.models import InventoryItem
from oms.tests.catalogues import marked, read_mo, read_po, write_mo
from orders.models import Order
from platforms.models import Platform
from simulator import Simulator

LOCALE = Path(django_settings.BASE_DIR) / "locale"
LANGUAGES = pytest.mark.parametrize("language", ["de", "es"])
PLACEHOLDER = re.compile(r"%%?\(\w+\)[a-z]|\{\w*\}|<[^>]+>|%%(?!\()")
# Names, values as the platform wrote them, times; and what packages without translations call theirs.
DATA = re.compile(
    r"OMS|Django-RQ|Django_Rq|Amazon|amazon|\(Amazon\)|admin(@example\.com)?|English|Deutsch|español|esc|CSV|XLSX|malformed|token|NewItem"
    r"|Operator|Viewer|Manager|Privacy officer|Auth tokens|Task Results|searchOrders|getInventorySummaries"
    r"|sellercentral\.amazon\.com|GetInventorySummaries of .*|[A-Z_]+|A[A-Z0-9]{9,}|.* UTC|[\d.,]+ [A-Z]{3}"
    r"|(\d+ × )?(CAFE|CASE|Case|case)-1( \([A-Z0-9]+\))?|.+, no\. \d|SearchOrders of .*|\w+ of 1 at .*|\d+-\d+-\d+"
)
Box = Callable[..., Simulator]


def catalogue(language: str, ending: str = "po") -> Path:
    return LOCALE / language / "LC_MESSAGES" / f"django.{ending}"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    with translation.override("en"):
        yield


@LANGUAGES
def test_it_has_every_text_translated_with_its_placeholders(language: str) -> None:
    entries = read_po(catalogue(language))
    assert len(entries) > 500
    assert "#, fuzzy" not in catalogue(language).read_text()
    for entry in entries:
        english = {entry["msgid"], entry.get("msgid_plural", entry["msgid"])}
        allowed = [sorted(PLACEHOLDER.findall(each)) for each in english]
        for field, text in entry.items():
            if field.startswith("msgstr"):
                assert text.strip(), entry["msgid"]
                assert sorted(PLACEHOLDER.findall(text)) in allowed, text


def test_it_translates_the_same_texts_into_both_languages() -> None:
    german, spanish = ({entry["msgid"] for entry in read_po(catalogue(each))} for each in ("de", "es"))
    assert german == spanish


@LANGUAGES
def test_it_comes_with_its_catalogues_compiled(language: str) -> None:
    """Whoever has no gettext installed runs on what is committed: `make messages` has to be run after a change."""
    said = {}
    for entry in read_po(catalogue(language)):
        key = "\0".join(entry[field] for field in ("msgid", "msgid_plural") if field in entry)
        said[key] = "\0".join(text for field, text in entry.items() if field.startswith("msgstr"))
    compiled = read_mo(catalogue(language, "mo"))
    assert {key: text for key, text in compiled.items() if key} == said


class Words(HTMLParser):
    """What a reader sees or hears of a page; not scripts, styles, names of icons, and what people typed."""

    SILENT = ("script", "style", "textarea", "code", "pre", "title")
    SPOKEN = ("title", "aria-label", "placeholder", "alt", "data-failed", "data-busy")

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
def marks(settings: Any, tmp_path: Path) -> None:
    """German, but each text in its English ⟦in brackets⟧ if it went through gettext."""
    texts: dict[str, str] = {}
    for path in [
        *Path(django.__file__).parent.rglob("locale/de/LC_MESSAGES/django.mo"),
        catalogue("de", "mo"),
    ]:
        texts |= read_mo(path)
    write_mo(tmp_path / "de" / "LC_MESSAGES" / "django.mo", marked(texts))
    settings.LOCALE_PATHS = [tmp_path]


def pages() -> list[str]:
    platform, order = Platform.objects.get(), Order.objects.first()
    assert order is not None
    lists = (
        "auth/user", "auth/group",
        "orders/order", "inventory/inventoryitem", "platforms/platform", "integrations/synclog",
        "integrations/syncfailure", "integrations/apiusage", "integrations/apiquota",
    )  # fmt: skip
    rows = (
        order,
        platform,
        SyncLog.objects.latest("pk"),
        InventoryItem.objects.first(),
        ApiUsage.objects.first(),
    )
    changes = [f"{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change" for row in rows if row]
    others = ["home-charts", f"where/?id={order.external_id}", "platforms/platform/add"]
    others.append(f"platforms/platform/sync/?platform={platform.pk}")
    return [
        "/admin/",
        *(f"/admin/{each}{'' if '?' in each else '/'}" for each in [*lists, *changes, *others]),
    ]


@pytest.mark.django_db
def test_it_has_no_word_on_its_pages_that_cannot_be_translated(
    box: Box, marks: None, admin_client: Client
) -> None:
    platform = platform_of(box(orders=12, skus=4))
    sync(platform)
    log = sync(platform, INVENTORY)
    SyncFailure.objects.create(
        log=log,
        platform=platform,
        kind="orders",
        external_id="X-1",
        error_code="malformed",
        error_message="-",
    )
    admin_client.cookies["django_language"] = "de"
    for page in pages():
        words = Words()
        response = admin_client.get(page)
        assert response.status_code == 200, page
        words.feed(response.content.decode())
        assert any("⟦" in each for each in words.found), page
        left = {each for each in words.found if "⟦" not in each and re.search(r"[A-Za-z]{3}", each)}
        assert {each for each in left if not DATA.fullmatch(each)} == set(), page


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", ["Zu versendende Bestellungen", "Synchronisierungsprotokoll", "Lagerbestand", "Überfällig"]),
        ("es", ["Pedidos por enviar", "Registro de sincronización", "Inventario", "Con retraso"]),
    ],
)
def test_it_speaks_the_language_of_the_browser(
    box: Box, admin_client: Client, language: str, words: list[str]
) -> None:
    sync(platform_of(box(orders=3, skus=2)))
    html = admin_client.get("/admin/", headers={"accept-language": language}).content.decode()
    assert f'<html lang="{language}"' in html
    assert [word for word in words if word not in html] == []
    assert "Orders to ship" not in html
