"""What a platform gave for a picture becomes a small JPEG of ours, or is refused.

Nothing of the file is kept: it is decoded, which shows that it is a picture, and drawn anew.
"""

from io import BytesIO

SIDE = 128  # pixels; pages show it at 40 to 56, and screens have up to twice as many
FORMATS = ("JPEG", "PNG", "WEBP")
MOST_PIXELS = 16_000_000  # 64 MB while it is decoded
CONTENT_TYPE = "image/jpeg"


class NoPicture(ValueError):
    """What came is no picture that can be shown. The text says why, and repeats nothing of it."""


def shrunk(data: bytes) -> bytes:
    """A JPEG of at most SIDE × SIDE pixels, on white where the picture is transparent. Raises NoPicture."""
    from PIL import Image, ImageFile  # takes 10 MB, which those who show no pictures do not need

    damaged = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError, RuntimeWarning)
    assert not ImageFile.LOAD_TRUNCATED_IMAGES  # noqa: S101  half a picture is none
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise NoPicture(f"It has {picture.width} × {picture.height} pixels, more than OMS decodes.")
            picture.draft("RGB", (2 * SIDE, 2 * SIDE))  # of a JPEG, decodes no more than is needed
            whole = picture.convert("RGBA")
    except NoPicture:
        raise
    except damaged:
        raise NoPicture(f"It is none of {', '.join(FORMATS)}, or is damaged.") from None
    whole.thumbnail((SIDE, SIDE))
    small = Image.new("RGB", whole.size, "#ffffff")
    small.paste(whole, mask=whole)
    file = BytesIO()
    small.save(file, "JPEG", quality=85, optimize=True)
    return file.getvalue()
