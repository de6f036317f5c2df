"""Makes rows equal to what a platform reports, a batch of records at a time. Safe to repeat.

Orders and stock are stored by the same rules; each app declares its `RecordTable` and adds what only it has. A batch:

1. `incoming` turns each record into values and a content hash of all that would be stored of it.
2. `compare` sorts the batch. An equal hash means unchanged. Any other hash is only a hint: the stored values decide,
   so that a rotated key, or a release that hashes in another way, does not make an order look changed.
3. `write` stores what is new and what changed; `refresh` replaces the hash of what only hashes differently.

An older record never replaces a newer one, and mock or sandbox rows never replace live ones. What a record says
replaces what is stored, "not known" included; only the fields that it names as `absent` keep it. So any sequence of
records ends in the rows that the last ones make in an empty table, but for what is absent in these.
"""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, Generic, TypeVar

import orjson
from django.db import models

from core.database.bulk import BulkFind, BulkUpsert, DoesNotFit, rounded
from core.dates import happened
from core.outcome import CLEANED, Adjustment, Outcome
from core.text import UnstorableText, storable

Record = TypeVar("Record")
Key = tuple[str, ...]  # the natural key of a row within its platform
Values = Sequence[Any]  # of the columns of a Columns, in their order

MISSING = ("", ())  # besides None: not known
ABSENT = "absent"  # the field of a record that names others
NOT_STORED = (0, "", "")  # in the place of id, content hash and source
# As JSON writes U+0000; behind a backslash that is itself escaped, the same letters are plain text.
NUL_IN_JSON = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def reported_fields(record_type: type[Any], *, but: Iterable[str]) -> tuple[str, ...]:
    """The fields of a record that are columns of its row: all of them except `but`, in their order."""
    return tuple(column.name for column in fields(record_type) if column.name not in {*but, ABSENT})


def to_json(value: Any) -> bytes:
    """Making JSON is the largest part of the work on a page, and orjson takes a tenth of the time of json.

    Raises UnstorableText for text that not every database stores.
    """
    try:
        text = orjson.dumps(value, default=str)
    except TypeError:  # an integer of more than 64 bits, or half a surrogate pair
        try:
            text = json.dumps(value, default=str, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise UnstorableText("The text holds half a surrogate pair.") from None
    # Looking for one byte takes a fifth of the time of looking for six.
    if b"\\" in text and b"\\u0000" in text and NUL_IN_JSON.search(text):
        raise UnstorableText("The text holds U+0000.")
    return text


class Columns:
    """Columns of a model in a fixed order: merges and compares their values.

    `amounts` are among the columns, and all of them are in the currency that the column `currency` holds.
    """

    def __init__(
        self, model: type[models.Model], names: Iterable[str], *, amounts: Collection[str] = ()
    ) -> None:
        self.names = tuple(names)
        model_fields: list[Any] = [model._meta.get_field(name) for name in self.names]
        self._amounts = [self.names.index(name) for name in amounts]
        self._currency = self.names.index("currency") if amounts else 0
        defaults = [(at, _default_of(column)) for at, column in enumerate(model_fields) if not column.null]
        # What a column holds of which nothing is known, where that is not empty.
        self.defaults = [(at, value) for at, value in defaults if value not in (None, "", [])]
        self._steps = [
            Decimal(1).scaleb(-column.decimal_places) if isinstance(column, models.DecimalField) else None
            for column in model_fields
        ]
        # Amounts that differ by less than this are one and the same in the column.
        self._precision = [step and step / 2 for step in self._steps]

    def merged(self, new: Values, stored: Values, absent: Collection[str] = ()) -> list[Any]:
        """What is to be stored: `new`, with the stored values of the columns that are `absent` in it."""
        merged = list(new)
        for name in absent:
            if name in self.names:
                at = self.names.index(name)
                merged[at] = stored[at]
        if self._amounts and absent:
            self._keep_to_one_currency(merged, new, stored, absent)
        for at, default in self.defaults:
            if merged[at] is None or merged[at] in MISSING:
                merged[at] = default
        return merged

    def _keep_to_one_currency(
        self, merged: list[Any], new: Values, stored: Values, absent: Collection[str]
    ) -> None:
        """An amount belongs to its currency: stored ones stay only where the new ones are in the same."""
        kept = [at for at in self._amounts if self.names[at] in absent and stored[at] is not None]
        is_priced = any(new[at] is not None for at in self._amounts if self.names[at] not in absent)
        stays = bool(kept) and not is_priced
        merged[self._currency] = (stored if stays else new)[self._currency]
        if merged[self._currency] != stored[self._currency]:
            for at in kept:
                merged[at] = None

    def differing(self, new: Values, stored: Values) -> list[int]:
        """The positions at which storing `new` would change what is stored."""
        compared = zip(new, stored, self._precision, strict=True)
        return [at for at, values in enumerate(compared) if not _is_same(*values)]

    def too_fine(self, values: Values) -> tuple[str, Decimal] | None:
        """The first amount that has more decimal places than its column, with the name of that."""
        for name, value, step in zip(self.names, values, self._steps, strict=True):
            if step is not None and value is not None and rounded(value, step) != value:
                return name, value
        return None


def _is_same(new: Any, stored: Any, precision: Decimal | None) -> bool:
    if isinstance(new, Decimal) and isinstance(stored, Decimal) and precision is not None:
        return new.is_finite() and abs(new - stored) <= precision
    return bool((list(new) if isinstance(new, tuple) else new) == stored)


def _values_of(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """A function that reads these attributes as a tuple, also where there is only one."""
    if len(names) > 1:
        return attrgetter(*names)
    name = names[0]
    return lambda record: (getattr(record, name),)


def _default_of(field: Any) -> Any:
    value = field.get_default() if field.has_default() else None
    return getattr(value, "value", value)  # of a choice


@dataclass(slots=True)
class Incoming(Generic[Record]):
    """A record that is to be stored. `stored` and `merged` are set where a row of it is compared."""

    key: Key
    record: Record
    values: tuple[Any, ...]  # as reported
    absent: tuple[str, ...]
    document: bytes  # JSON; empty where the table has none
    content_hash: str
    parts: tuple[Any, ...] = ()  # what the app stores of it in other tables
    is_cleaned: bool = (
        False  # `record` has U+FFFD where it came with characters that not every database stores
    )
    pk: int = 0  # of the stored row; 0 where there is none
    stored: Values = ()
    merged: Values = ()  # the values to store
    is_back: bool = False  # the platform had ceased to report it


@dataclass(slots=True)
class Batch(Generic[Record]):
    """What `compare` found. A record that is in none of the lists is unchanged, older, or may not replace the
    stored row."""

    size: int  # records, duplicates included
    new: list[Incoming[Record]] = field(default_factory=list)
    changed: list[Incoming[Record]] = field(default_factory=list)
    # The hash differs, and all that the table itself holds is equal. An app that stores more looks at the rest.
    alike: list[Incoming[Record]] = field(default_factory=list)
    # Rows of another source that the new records replace.
    replaced: list[int] = field(default_factory=list)

    @property
    def news(self) -> list[Incoming[Record]]:
        return self.new + self.changed

    def keep_alike(self, is_equal: Callable[[Incoming[Record]], bool]) -> None:
        """Keep in `alike` those that are equal in everything else, too; the others are changed."""
        alike, self.alike = self.alike, []
        for incoming in alike:
            (self.alike if is_equal(incoming) else self.changed).append(incoming)

    def outcome(self) -> Outcome:
        """Call it once all records are sorted."""
        written = len(self.new) + len(self.changed)
        outcome = Outcome(len(self.new), len(self.changed), self.size - written)
        for item in self.news:
            if item.is_cleaned:
                outcome.adjust(Adjustment(CLEANED, item.key))
        return outcome


class RecordTable(Generic[Record]):
    """A table whose rows mirror the records of a platform.

    `key` is the natural key within a `platform`, and `find_by` the first parts of it, by which rows are looked up.
    `apart` names the fields of the record that are no columns. `amounts` are those in the `currency` of the row.
    `document` is a column that holds JSON: it is replaced as a whole, and the order of its keys, white space and
    escapes are no news. A record may name it as absent.
    `is_older` decides whether a record is older than its row, given the values of both, where it does not answer None.
    `constants` are columns that have these values in every row that a platform still reports; a row that comes back
    begins anew, whatever its time says, and takes nothing over from what it was. Rows whose source
    is `live` are never replaced by others. The model has `platform`, `source`, `content_hash`, `synced_at`, and
    `platform_updated_at`, by which a record is older than what is stored. A record has a field `absent`.
    """

    def __init__(
        self,
        model: type[models.Model],
        record_type: type[Record],
        *,
        key: tuple[str, ...],
        find_by: tuple[str, ...],
        live: str,
        apart: Iterable[str] = (),
        amounts: Collection[str] = (),
        document: str = "",
        constants: Mapping[str, Any] | None = None,
        is_older: Callable[[Values, Values], bool | None] | None = None,
    ) -> None:
        self._model, self._live, self._document = model, live, document
        self._older = is_older
        self._constants = dict(constants or {})
        self.key = key
        self.reported = reported_fields(record_type, but={*key, *apart, document})
        self.columns = Columns(model, self.reported, amounts=amounts)
        self.values_of: Callable[[Record], tuple[Any, ...]] = _values_of(self.reported)
        self.key_of: Callable[[Record], Key] = _values_of(key)
        self._find_by = [key.index(name) for name in find_by]
        self._updated = self.reported.index("platform_updated_at")
        model_fields: list[Any] = [model._meta.get_field(name) for name in self.reported]
        self._json = [at for at, column in enumerate(model_fields) if isinstance(column, models.JSONField)]
        found = (*key, "id", "content_hash", "source")
        self._find = BulkFind(model, fields=found, within="platform", by=find_by)
        # A database answers this from the index of the key alone.
        self._find_ids = BulkFind(model, fields=(*key, "id"), within="platform", by=find_by)
        documents = (document,) if document else ()
        own = ("source", *documents, "content_hash", "synced_at", *self._constants)
        self._upsert = BulkUpsert(
            model, fields=("platform", *key, *self.reported, *own), unique=("platform", *key)
        )

    def incoming(self, record: Record, *parts: Any) -> Incoming[Record]:
        """`parts` are what the app stores of the record in other tables, as JSON can say it; personal data only as a
        keyed digest, since the hash itself has no key. Raises UnstorableText; `incoming_of` does something about it."""
        key, values = self.key_of(record), self.values_of(record)
        absent: tuple[str, ...] = getattr(record, ABSENT)
        content = (key, values, parts, absent) if absent else (key, values, parts)
        digest = hashlib.blake2b(to_json(content), digest_size=32)
        document = b""
        if self._document:
            # As it came: sorting the keys takes a sixth longer, and where only their order differs, `_sort` finds the
            # stored document equal.
            document = to_json(getattr(record, self._document))
            digest.update(document)
        return Incoming(key, record, values, absent, document, digest.hexdigest(), parts)

    def incoming_of(
        self, record: Record, read: Callable[[Record], Incoming[Record]] | None = None
    ) -> Incoming[Record]:
        """What `read` (`incoming`, unless the app has a function of its own) makes of the record, or of a copy whose
        text every database stores. Raises DoesNotFit where its key would be another one then."""
        read = read or self.incoming
        try:
            return read(record)
        except UnstorableText:
            incoming = read(storable(record))
        for name, came, kept in zip(self.key, self.key_of(record), incoming.key, strict=True):
            if came != kept:
                column = f"{self._model._meta.db_table}.{name}"
                raise DoesNotFit(column, kept, "text without U+0000 and halves of characters")
        incoming.is_cleaned = True
        return incoming

    def compare(
        self,
        platform_id: int,
        incoming: Sequence[Incoming[Record]],
        source: str,
        *,
        guarded: Collection[Key] | None = None,
    ) -> Batch[Record]:
        """Sort the records by what is to be done. One query; two more where hashes differ.

        A record that is older than its row changes nothing: any record, or those of the `guarded` keys alone.
        """
        batch: Batch[Record] = Batch(len(incoming))
        newest = self._newest(incoming)
        known = self._known(platform_id, list(newest))
        differing = []
        for item in newest.values():
            pk, content_hash, stored_source = known.get(item.key, NOT_STORED)
            if stored_source == source:
                if content_hash != item.content_hash:
                    item.pk = pk
                    differing.append(item)
            elif stored_source != self._live:
                if pk:
                    batch.replaced.append(pk)
                batch.new.append(item)
        self._sort(batch, differing, guarded)
        return batch

    def write(self, platform_id: int, batch: Batch[Record], source: str, now: datetime) -> bool:
        """Store new and changed records. Whether an amount may have been rounded. Raises DatabaseError where a value
        does not fit."""
        items = batch.news
        if not items:
            return False
        size = len(items)
        return self._upsert.write_columns(
            [
                (platform_id,) * size,
                *zip(*(item.key for item in items), strict=True),
                *self._written([item.merged or item.values for item in items]),
                (str(source),) * size,  # text, and not a choice, which a driver has to look into row by row
                *([[item.document.decode() for item in items]] if self._document else ()),
                [item.content_hash for item in items],
                (now,) * size,
                *((value,) * size for value in self._constants.values()),
            ]
        )

    def refresh(self, batch: Batch[Record]) -> None:
        """Replace the hash of rows that are equal to their records. Nothing else changes."""
        if batch.alike:
            rows = [self._model(pk=item.pk, content_hash=item.content_hash) for item in batch.alike]
            self._model._default_manager.bulk_update(rows, ["content_hash"])

    def fetch_ids(self, platform_id: int, batch: Batch[Record]) -> None:
        """Set `pk` of the records that were new and have been written."""
        if batch.new:
            rows = self._find_ids(platform_id, self._find_values(item.key for item in batch.new))
            ids = {row[:-1]: row[-1] for row in rows}
            for item in batch.new:
                item.pk = ids[item.key]

    def stored_values(self, ids: Iterable[int]) -> dict[int, Values]:
        """The stored values, in the order of `reported`, by the ids of the rows."""
        return {pk: values for pk, (values, _) in self._stored(ids).items()}

    def is_older(self, values: Values, stored: Values) -> bool:
        """Whether a record is older than the stored row; where one of the times is not known, it is not. A row of the
        year 9999, or of next year, would otherwise not change before then."""
        decided = self._older(values, stored) if self._older else None
        if decided is not None:
            return decided
        updated, known = happened(values[self._updated]), happened(stored[self._updated])
        return bool(updated and known and updated < known)

    def _newest(self, incoming: Sequence[Incoming[Record]]) -> dict[Key, Incoming[Record]]:
        """One record for each key: a page may hold the same one twice."""
        newest = {item.key: item for item in incoming}
        if len(newest) == len(incoming):  # nearly always
            return newest
        newest = {}
        for item in incoming:
            other = newest.get(item.key)
            if other is None or not self.is_older(item.values, other.values):
                newest[item.key] = item
        return newest

    def _known(self, platform_id: int, keys: Sequence[Key]) -> dict[Key, tuple[int, str, str]]:
        """Id, content hash and source of the stored rows; other rows that share `find_by` may be among them."""
        size = len(self.key)
        rows = self._find(platform_id, self._find_values(keys))
        return {row[:size]: (row[size], row[size + 1], row[size + 2]) for row in rows}

    def _find_values(self, keys: Iterable[Key]) -> list[list[str]]:
        columns = list(zip(*keys, strict=True))
        return [list(dict.fromkeys(columns[at])) for at in self._find_by] if columns else [[]]

    def _sort(
        self, batch: Batch[Record], differing: Sequence[Incoming[Record]], guarded: Collection[Key] | None
    ) -> None:
        """Compare records whose hash differs, value by value, and put each into its list."""
        stored = self._stored(item.pk for item in differing)
        expected = tuple(self._constants.values())
        for item in differing:
            item.stored, constants = stored[item.pk]
            item.is_back = constants != expected
            is_guarded = not item.is_back and (guarded is None or item.key in guarded)
            if is_guarded and self.is_older(item.values, item.stored):
                continue
            absent = () if item.is_back else item.absent
            item.merged = self.columns.merged(item.values, item.stored, absent)
            is_news = item.is_back or self.columns.differing(item.merged, item.stored)
            (batch.changed if is_news else batch.alike).append(item)
        if self._document:
            silent = [item for item in batch.changed if self._document in item.absent]
            documents = self._documents(item.pk for item in batch.alike + silent)
            for item in batch.alike + silent:
                if self._document in item.absent:
                    item.document = to_json(documents[item.pk])
            batch.keep_alike(lambda item: json.loads(item.document) == documents[item.pk])

    def _documents(self, ids: Iterable[int]) -> dict[int, Any]:
        wanted = list(ids)
        if not wanted:
            return {}
        rows = self._model._default_manager.filter(pk__in=wanted).order_by()
        return dict(rows.values_list("pk", self._document))

    def _stored(self, ids: Iterable[int]) -> dict[int, tuple[Values, tuple[Any, ...]]]:
        """Values and constants of the rows."""
        wanted, size = list(ids), len(self.reported) + 1
        if not wanted:
            return {}
        rows = self._model._default_manager.filter(pk__in=wanted).order_by()
        found = rows.values_list("pk", *self.reported, *self._constants)
        return {row[0]: (row[1:size], row[size:]) for row in found}

    def _written(self, rows: Sequence[Values]) -> list[Sequence[Any]]:
        """The columns as the driver takes them; the model's defaults where nothing was ever reported."""
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for at, default in self.columns.defaults:
            columns[at] = [default if value is None or value in MISSING else value for value in columns[at]]
        for at in self._json:
            columns[at] = [None if value is None else to_json(value).decode() for value in columns[at]]
        return columns
