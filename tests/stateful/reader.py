"""A program that keeps a copy of orders and stock, from the change feed and the objects it names, and may die."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from integrations.tests.syncing import INVENTORY, ORDERS

Get = Callable[[str], tuple[int, dict[str, Any]]]  # status and body
ADDRESS = {"order": ORDERS, "stock": INVENTORY}
FIRST, LAST = ("created",), ("deleted",)


class Reader:
    """`copy` and `last` are what it has written down: dying loses everything else."""

    def __init__(self, get: Get) -> None:
        """`get` asks the API for an address."""
        self._ask = get
        self.last = 0
        self.copy: dict[tuple[str, int], dict[str, Any]] = {}
        self.kinds: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
        self.begin()

    def begin(self) -> None:
        """As the guide says: first the number, then all lists, then what comes after the number."""
        self.last = self._get("/changes?after=0&snapshot=true")["last"]
        self.copy = self._everything()

    def read(self, *, limit: int, dies: bool = False) -> bool:
        """One page of the feed. Returns whether there is more. `dies`: it has asked for everything, and written down
        nothing."""
        status, page = self._ask(f"/changes?after={self.last}&limit={limit}")
        if status == 410:  # what it has not read is deleted: it begins again, as the answer says
            self.kinds.clear()
            self.begin()
            return False
        assert status == 200, page
        numbers = [change["sequence"] for change in page["results"]]
        assert numbers == list(range(self.last + 1, self.last + 1 + len(numbers))), "the feed has a gap"
        copy = dict(self.copy)
        for change in page["results"]:
            subject, what = change["kind"].split(".")
            if subject in ADDRESS:
                self._look_at(copy, ADDRESS[subject], change["id"])
                if not dies:
                    self.kinds[ADDRESS[subject], change["id"]].append(what)
        if not dies:
            self.copy, self.last = copy, page["last"]
        return bool(page["more"])

    def read_all(self) -> None:
        while self.read(limit=3):
            pass

    def check(self) -> None:
        """Nothing is lost, nothing doubled, and each object begins and ends once."""
        self.read_all()
        stored = self._everything()
        differing = {key for key in {*self.copy, *stored} if self.copy.get(key) != stored.get(key)}
        assert not differing, {key: (self.copy.get(key), stored.get(key)) for key in differing}
        for key, kinds in self.kinds.items():
            assert not any(kind in FIRST for kind in kinds[1:]), (
                f"{key} was created later than changed: {kinds}"
            )
            assert not any(kind in LAST for kind in kinds[:-1]), f"{key} was changed after its end: {kinds}"

    def _look_at(self, copy: dict[tuple[str, int], dict[str, Any]], address: str, pk: int) -> None:
        status, found = self._ask(f"/{address}/{pk}")
        if status == 404:
            copy.pop((address, pk), None)
        else:
            assert status == 200, found
            found.pop("content_hash", None)  # renewed in silence where all values are equal
            copy[address, pk] = found

    def _get(self, address: str) -> dict[str, Any]:
        status, found = self._ask(address)
        assert status == 200, found
        return found

    def _everything(self) -> dict[tuple[str, int], dict[str, Any]]:
        found: dict[tuple[str, int], dict[str, Any]] = {}
        for address in ADDRESS.values():
            for row in self._all(f"/{address}?page_size=500"):
                self._look_at(found, address, row["id"])
        return found

    def _all(self, address: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        following: str | None = address
        while following:
            page = self._get(following)
            rows, following = rows + page["results"], page["next"]
        return rows
