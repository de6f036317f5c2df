"""The search finds words without their accents: adds them to the titles of products that were sold before."""

import unicodedata

from django.db import migrations

AT_ONCE = 1000
LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"})


def add(apps, schema_editor):
    products = apps.get_model("orders", "OrderedProduct").objects.using(schema_editor.connection.alias)
    changed = []
    for product in products.only("key", "words").iterator():
        words = product.words.replace("\n", " ")
        if words.isascii():
            continue
        apart = unicodedata.normalize("NFKD", words.translate(LETTERS))
        plain = "".join(character for character in apart if not unicodedata.combining(character))
        if plain != words:
            product.words = f"{words}\n{plain}"
            changed.append(product)
    for start in range(0, len(changed), AT_ONCE):
        products.bulk_update(changed[start : start + AT_ONCE], ["words"])


class Migration(migrations.Migration):
    dependencies = [("orders", "0015_background_erasing")]

    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
