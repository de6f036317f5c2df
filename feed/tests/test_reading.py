"""The order in which changes are handed out, on a real database, with transactions that overlap."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from feed import reading
from feed.models import Change
from feed.reading import NotYet, TooLate, changes_after, last_sequence
from feed.recording import Changed, add_changes
from feed.retention import prune_changes

CREATED, UPDATED = Change.Kind.ORDER_CREATED, Change.Kind.ORDER_UPDATED


def note(*ids: int, kind: Change.Kind = CREATED, platform_id: int = 1) -> None:
    with transaction.atomic():
        add_changes(kind, platform_id, [Changed(pk, f"order-{pk}", ("status", "items")) for pk in ids])


def skip_with_one_writer() -> None:
    if not connection.features.has_select_for_update:
        pytest.skip("SQLite has one writer: no transaction commits while another one writes.")


def objects(after: int = 0) -> list[int]:
    return [change.object_id for change in changes_after(after).changes]


def read_all() -> list[int]:
    """In a thread of its own."""
    try:
        return objects()
    finally:
        connection.close()


@pytest.mark.django_db
def test_it_numbers_what_was_noted_without_gaps() -> None:
    note(5, 6)
    with transaction.atomic():
        note(7)
        transaction.set_rollback(True)
    note(8)
    page = changes_after(0)
    assert [(each.sequence, each.object_id) for each in page.changes] == [(1, 5), (2, 6), (3, 8)]
    assert (page.last, page.more) == (3, False)
    assert page.changes[0].fields == ["status", "items"]
    assert changes_after(3) == reading.Page([], 3, False)


@pytest.mark.django_db
def test_it_numbers_what_a_first_sync_has_brought_in_a_few_statements() -> None:
    note(*range(1, 3001))
    Change.objects.filter(object_id=1000).delete()  # a gap
    with CaptureQueriesContext(connection) as captured:
        assert last_sequence() == 2999
    assert sum(query["sql"].startswith("UPDATE") for query in captured) == 3
    numbered = list(Change.objects.order_by("pk").values_list("sequence", flat=True))
    assert numbered == list(range(1, 3000))


@pytest.mark.django_db(transaction=True)
def test_it_numbers_a_change_that_commits_late_behind_those_that_were_handed_out() -> None:
    skip_with_one_writer()
    written, may_commit = Event(), Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                add_changes(CREATED, 1, [Changed(1)])
                written.set()
                assert may_commit.wait(30)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(slow)
        assert written.wait(30)
        note(2, 3)  # later ids, committed first
        first = changes_after(0)
        may_commit.set()
        late.result(30)
    second = changes_after(first.last)
    assert ([each.object_id for each in first.changes], first.last) == ([2, 3], 2)
    assert [(each.object_id, each.sequence) for each in second.changes] == [(1, 3)]
    assert second.changes[0].pk < first.changes[0].pk


@pytest.mark.django_db(transaction=True)
def test_a_reader_does_not_wait_for_a_transaction_that_still_writes() -> None:
    skip_with_one_writer()
    written, may_commit = Event(), Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                add_changes(CREATED, 1, [Changed(3)])
                written.set()
                assert may_commit.wait(30)
        finally:
            connection.close()

    note(1, 2)  # right before the one that is not committed
    with ThreadPoolExecutor(2) as pool:
        late = pool.submit(slow)
        assert written.wait(30)
        assert pool.submit(read_all).result(10) == [1, 2]
        may_commit.set()
        late.result(30)
    assert objects(2) == [3]


@pytest.mark.django_db(transaction=True)
def test_many_writers_and_readers_at_once_lose_nothing_and_double_nothing() -> None:
    skip_with_one_writer()
    writers, each_writes, readers = 4, 25, 3
    done = Event()

    def write(writer: int) -> None:
        try:
            for number in range(each_writes):
                note(writer * 1000 + number, kind=UPDATED)
        finally:
            connection.close()

    def read() -> list[tuple[int, int]]:
        seen: list[tuple[int, int]] = []
        last = 0
        try:
            while True:
                is_over = done.is_set()
                page = changes_after(last, limit=7)
                seen += [(each.sequence or 0, each.object_id) for each in page.changes]
                last = page.last
                if is_over and not page.more:
                    return seen
        finally:
            connection.close()

    with ThreadPoolExecutor(writers + readers) as pool:
        reading_ = [pool.submit(read) for _ in range(readers)]
        for writing in [pool.submit(write, writer) for writer in range(writers)]:
            writing.result(60)
        done.set()
        copies = [each.result(60) for each in reading_]
    assert copies[0] == copies[1] == copies[2]
    assert [sequence for sequence, _ in copies[0]] == list(range(1, writers * each_writes + 1))
    for writer in range(writers):
        own = [pk for _, pk in copies[0] if pk // 1000 == writer]
        assert own == [writer * 1000 + number for number in range(each_writes)]


@pytest.mark.django_db
def test_it_pages_and_filters_and_says_where_to_read_on() -> None:
    note(1, 2)
    note(3, platform_id=2)
    note(4, kind=UPDATED)
    page = changes_after(0, limit=3)
    assert ([each.object_id for each in page.changes], page.last, page.more) == ([1, 2, 3], 3, True)
    assert [each.object_id for each in changes_after(0, platform_ids=[2]).changes] == [3]
    page = changes_after(0, kinds=[CREATED])
    assert ([each.object_id for each in page.changes], page.last, page.more) == ([1, 2, 3], 4, False)


@pytest.mark.django_db
def test_it_looks_through_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "EXAMINED", 2)
    note(1, 2, 3)
    note(4, kind=UPDATED)
    page = changes_after(0, kinds=[UPDATED])
    assert (page.changes, page.last, page.more) == ([], 2, True)
    page = changes_after(2, kinds=[UPDATED])
    assert ([each.object_id for each in page.changes], page.last, page.more) == ([4], 4, False)


@pytest.mark.django_db
def test_it_tells_a_reader_who_comes_too_late_or_from_another_database() -> None:
    note(1, 2)
    Change.objects.update(at=timezone.now() - timedelta(days=91))
    note(3)
    assert prune_changes(timezone.now() - timedelta(days=90)) == 2
    with pytest.raises(TooLate) as late:
        changes_after(1)
    assert late.value.pruned_through == 2
    assert objects(2) == [3]
    with pytest.raises(NotYet):
        changes_after(4)
    note(4)
    assert (objects(2), last_sequence()) == ([3, 4], 4)


@pytest.mark.django_db(transaction=True)
def test_it_refuses_a_change_outside_of_the_transaction_that_makes_it() -> None:
    with pytest.raises(TransactionManagementError):
        add_changes(CREATED, 1, [Changed(1)])
    assert not Change.objects.exists()


@pytest.mark.django_db
def test_no_reader_looks_through_changes_that_have_a_number() -> None:
    """Also where the database still believes that hardly any has one."""
    note(*range(1, 2001))
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "REINDEX TABLE changes"
            )  # earlier tests left dead rows in it: the smallest index wins
            cursor.execute("ANALYZE changes")
    last_sequence()
    with CaptureQueriesContext(connection) as queries:
        note(2001)
        assert last_sequence() == 2001
        assert last_sequence() == 2001
    reads = [each["sql"] for each in queries if each["sql"].startswith("SELECT") and "changes" in each["sql"]]
    assert len(reads) == 3  # two looks, and what to number
    for read in reads:
        assert not _is_scan(read), read


def _is_scan(sql: str) -> bool:
    """Whether it reads the table itself from end to end, or more of an index than it was asked for."""
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {sql}")
        if connection.vendor == "mysql":
            names = [column[0] for column in cursor.description]
            return any(dict(zip(names, row, strict=True))["key"] != "sequence" for row in cursor.fetchall())
        plan = " ".join(str(row[-1]) for row in cursor.fetchall())
    return not ("changes_sequence" in plan or "change_unnumbered" in plan or "autoindex_changes" in plan)
