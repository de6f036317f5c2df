"""What becomes of a file, and which of several sizes is taken; no network, no database."""

import struct
import zlib
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from integrations.amazon.catalog import picture_links
from integrations.pictures.shrinking import SIDE, NoPicture, shrunk


def file_of(kind: str, size: tuple[int, int] = (500, 400), mode: str = "RGB", colour: Any = "red") -> bytes:
    file = BytesIO()
    Image.new(mode, size, colour).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_becomes_a_small_jpeg(kind: str) -> None:
    with Image.open(BytesIO(shrunk(file_of(kind)))) as small:
        assert (small.format, small.mode, small.size) == ("JPEG", "RGB", (SIDE, 102))


@pytest.mark.parametrize(
    ("mode", "colour"), [("L", 200), ("P", 3), ("1", 1), ("RGBA", (9, 9, 9, 0)), ("I;16", 9)]
)
def test_every_sort_of_picture_is_shown(mode: str, colour: Any) -> None:
    with Image.open(BytesIO(shrunk(file_of("PNG", (40, 40), mode, colour)))) as small:
        assert (small.mode, small.size) == ("RGB", (40, 40))


def test_what_is_transparent_is_white() -> None:
    with Image.open(BytesIO(shrunk(file_of("PNG", (40, 40), "RGBA", (0, 0, 0, 0))))) as small:
        assert small.getpixel((20, 20)) == (255, 255, 255)


def test_nothing_of_the_file_is_left_but_the_picture() -> None:
    file = BytesIO()
    Image.new("RGB", (50, 50)).save(
        file, "JPEG", comment=b"<script>alert(1)</script>", exif=b"Exif\0\0secret"
    )
    small = shrunk(file.getvalue() + b"<script>")
    assert b"script" not in small
    assert b"secret" not in small


def huge() -> bytes:
    """A PNG of 20,000 × 20,000 pixels in under a kilobyte."""
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<html></html>",
        file_of("GIF"),
        file_of("BMP"),
        file_of("PNG")[:200],
        file_of("JPEG")[:500],
        huge(),
    ],
    ids=["nothing", "svg", "html", "gif", "bmp", "half a png", "half a jpeg", "huge"],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(NoPicture):
        shrunk(data)


def image(link: str, side: Any = 500, variant: str = "MAIN") -> dict[str, Any]:
    return {"variant": variant, "link": link, "height": side, "width": 10}


def link_of(*images: Any, site: str = "DE", asked: str = "DE") -> str:
    answer = {"items": [{"asin": "B01", "images": [{"marketplaceId": site, "images": list(images)}]}]}
    return picture_links(answer, asked, side=128)["B01"]


def test_the_smallest_that_is_large_enough_is_taken() -> None:
    assert link_of(image("large", 2500), image("right", 500), image("small", 75)) == "right"
    assert link_of(image("tiny", 50), image("small", 75)) == "small"


def test_the_main_picture_goes_first_and_any_is_better_than_none() -> None:
    assert link_of(image("other", 200, "PT01"), image("main", 900)) == "main"
    assert link_of(image("other", 200, "PT01")) == "other"
    assert link_of(image("elsewhere"), site="FR") == "elsewhere"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"items": None},
        {"items": [None, 5, {}, {"asin": ""}]},
    ],
)
def test_an_odd_answer_has_no_products(answer: Any) -> None:
    assert picture_links(answer, "DE", side=128) == {}


@pytest.mark.parametrize(
    "images", [None, [], {}, [None], [{"images": None}], [{"images": [{"variant": "MAIN"}, {"link": None}]}]]
)
def test_an_odd_product_has_no_picture(images: Any) -> None:
    assert picture_links({"items": [{"asin": "B01", "images": images}]}, "DE", side=128) == {"B01": ""}


def test_odd_sizes_do_no_harm() -> None:
    assert link_of(image("text", "500"), image("none", None)) in ("text", "none")
    assert link_of({"variant": "MAIN", "link": "only"}) == "only"
