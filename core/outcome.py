"""What storing a batch of records did."""

from dataclasses import dataclass, field

ROUNDED = "rounded"  # an amount has more decimal places than its column
CLEANED = "cleaned"  # text held characters that not every database stores


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A record was stored, though not exactly as it came. `kind` is one of the above, `key` the record's natural key
    within its platform, `field` and `given` the column and what was reported for it."""

    kind: str
    key: tuple[str, ...]
    field: str = ""
    given: str = ""


@dataclass(slots=True)
class Outcome:
    """Numbers of records by outcome; `unchanged` counts records that were equal to, or older than, the stored ones.

    `adjusted` has an example of each kind of adjustment."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    adjusted: dict[str, Adjustment] = field(default_factory=dict)

    def add(self, other: "Outcome") -> None:
        self.created += other.created
        self.updated += other.updated
        self.unchanged += other.unchanged
        for adjustment in other.adjusted.values():
            self.adjust(adjustment)

    def adjust(self, adjustment: Adjustment) -> None:
        self.adjusted.setdefault(adjustment.kind, adjustment)
