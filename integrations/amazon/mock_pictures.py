"""Pictures of the mock's products: drawn, and marked as such like all that is made up."""

from io import BytesIO

SIDE = 128
COLOURS = ("#2f6db5", "#c0453b", "#d9a441", "#5b8c5a", "#7d8a97", "#a9825a")


def drawn(number: int) -> bytes:
    """The picture of product `number`, as PNG: a thing in its colour, and MOCK across it."""
    from PIL import Image, ImageDraw  # takes 10 MB, which those who show no pictures do not need

    picture = Image.new("RGB", (SIDE, SIDE), "#ffffff")
    draw = ImageDraw.Draw(picture)
    width, height = 40 + 12 * (number % 4), 88 - 10 * (number % 3)
    left, top = (SIDE - width) // 2, (SIDE - height) // 2
    draw.rounded_rectangle(
        (left, top, left + width, top + height), radius=14, fill=COLOURS[number % len(COLOURS)]
    )
    draw.rectangle((14, 54, SIDE - 14, 74), fill="#ffffff", outline="#333333")
    draw.text((SIDE // 2, 64), "MOCK", fill="#333333", anchor="mm", font_size=16)
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
