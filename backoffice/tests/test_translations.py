"""German and Spanish: the catalogues are complete, and no page has a word that they do not reach."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation
from django.utils.translation.template import templatize

from backoffice.tests.catalogues import catalogue, read_mo, read_po
from integrations.tests.syncing import platform_of, sync
from simulator import Simulator

LANGUAGES = pytest.mark.parametrize("language", ["de", "es"])
PLACEHOLDER = re.compile(r"%%?\(\w+\)[a-z]|\{\w*\}|<[^>]+>|%%(?!\()")
MARKS = "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy", "_"
ONLY_FOR_DEVELOPERS = {"tests", "simulator", "bench", "scripts", "node_modules", "var", "staticfiles"}
StartSimulator = Callable[..., Simulator]


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


def texts_of(path: Path) -> set[str]:
    """What is marked as a text to translate in a module or a template."""
    source = path.read_text()
    tree = ast.parse(source) if path.suffix == ".py" else ast.Module([], [])
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    marked = [
        call.args[0]
        for call in calls
        if call.args and getattr(call.func, "id", getattr(call.func, "attr", "")) in MARKS
    ]
    texts = {each.value for each in marked if isinstance(each, ast.Constant)}
    if path.suffix == ".html":
        quoted = re.findall(r"\b_?n?gettext\(u?('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")", templatize(source))
        texts |= {ast.literal_eval(each) for each in quoted}
    return {text for text in texts if isinstance(text, str)}


def test_it_has_every_text_of_the_code() -> None:
    """`make messages` was perhaps not run after a change; and it does not see what is marked inside an f-string."""
    known = {entry["msgid"] for entry in read_po(catalogue("de"))}
    root = Path(settings.BASE_DIR)
    folders = [each for each in root.iterdir() if each.is_dir() and not each.name.startswith(".")]
    paths = [path for each in folders for ending in ("py", "html") for path in each.rglob(f"*.{ending}")]
    paths = [path for path in paths if not ONLY_FOR_DEVELOPERS & set(path.relative_to(root).parts)]
    found = {text: path for path in paths for text in texts_of(path)}
    assert len(found) > 2000
    assert {text: path.name for text, path in found.items() if text not in known} == {}


@LANGUAGES
def test_it_comes_with_its_catalogues_compiled(language: str) -> None:
    """Whoever has no gettext installed runs on what is committed: `make messages` has to be run after a change."""
    said = {}
    for entry in read_po(catalogue(language)):
        key = "\0".join(entry[field] for field in ("msgid", "msgid_plural") if field in entry)
        said[key] = "\0".join(text for field, text in entry.items() if field.startswith("msgstr"))
    compiled = read_mo(catalogue(language, "mo"))
    assert {key: text for key, text in compiled.items() if key} == said


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", ["Zu versendende Bestellungen", "Synchronisierungsprotokoll", "Lagerbestand", "Überfällig"]),
        ("es", ["Pedidos por enviar", "Registro de sincronización", "Inventario", "Con retraso"]),
    ],
)
def test_it_speaks_the_language_of_the_browser(
    start_simulator: StartSimulator, admin_client: Client, language: str, words: list[str]
) -> None:
    sync(platform_of(start_simulator(orders=3, skus=2)))
    html = admin_client.get("/admin/", headers={"accept-language": language}).content.decode()
    assert f'<html lang="{language}"' in html
    assert [word for word in words if word not in html] == []
    assert "Orders to ship" not in html
