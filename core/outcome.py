"""What storing a batch of records did."""

from dataclasses import dataclass


@dataclass(slots=True)
class Outcome:
    """Numbers of records by outcome; `unchanged` counts records that were equal to, or older than, the stored ones."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0

    def add(self, other: "Outcome") -> None:
        self.created += other.created
        self.updated += other.updated
        self.unchanged += other.unchanged
