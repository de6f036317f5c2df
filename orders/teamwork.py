"""What a team keeps about an order beside what the platform reports: notes that name people, tags, an assignee.

None of it is personal data of the buyer, as the form says. Each deed is in the audit without the text of a note.
"""

import re
from collections.abc import Collection, Iterable
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from audit.recording import record
from core.text import storable_text
from orders.models import Order, OrderAssignment, OrderMention, OrderNote, OrderTag

LONGEST_NOTE = 2000  # characters
MOST_TAGS = 20  # of an order
MOST_SUGGESTED = 200  # tags that a form offers
MOST_WAITING = 4000  # orders that a list of them can hold
LONGEST_TAG = 40
SENT_TWICE = timedelta(minutes=1)  # the same text of the same author, as a double click sends it
MENTION = re.compile(r"(?<![\w@.])@([\w.@+-]*\w)")


class Refused(Exception):
    """Nothing was stored. `code` is "empty", "too_long" or "too_many"."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def add_note(order: Order, text: str, *, author: str, readers: Collection[User]) -> OrderNote:
    """Store a note. `readers` are the people who can see the order; those whom the text names, as @username, are told.
    What was sent twice is stored once. Raises Refused."""
    text = storable_text(text).replace("\r\n", "\n").strip()  # a browser counts a line's end as one character
    if not text:
        raise Refused("empty")
    if len(text) > LONGEST_NOTE:
        raise Refused("too_long")
    named = {name.casefold() for name in MENTION.findall(text)}
    with transaction.atomic():
        Order.objects.select_for_update().values_list("pk").get(pk=order.pk)  # who sends it twice waits here
        if sent_before := _sent_before(order, text, author[:150]):
            return sent_before
        note = OrderNote.objects.create(order=order, text=text, written_by=author[:150])
        told = [user for user in readers if user.get_username().casefold() in named]
        OrderMention.objects.bulk_create(OrderMention(note=note, user=user) for user in told)
        record("order.noted", order, changes={"mentions": [user.get_username() for user in told]})
    return note


def _sent_before(order: Order, text: str, author: str) -> OrderNote | None:
    last = order.notes.order_by("-pk").first()
    if last is None or (last.text, last.written_by) != (text, author):
        return None
    return last if timezone.now() - last.written_at < SENT_TWICE else None


def note_seen(order: Order, user: User) -> None:
    """The user has opened the order, with all notes that name him."""
    unseen = OrderMention.objects.filter(note__order=order, user=user, seen_at=None)
    if ids := list(unseen.values_list("pk", flat=True)):
        OrderMention.objects.filter(pk__in=ids).update(seen_at=timezone.now())


def set_tags(order: Order, names: Iterable[str], *, shown: Collection[str] | None = None) -> list[str]:
    """The tags that the order has from now on, in their order. Raises Refused.

    `shown` are the tags that whoever sent these names had before his eyes: what a colleague has added or removed since
    stays so. None: those that the order has now.
    """
    wanted = {name for name in (" ".join(storable_text(each).split()) for each in names) if name}
    if any(len(name) > LONGEST_TAG for name in wanted):
        raise Refused("too_long")
    with transaction.atomic():
        before = set(order.tags.values_list("name", flat=True))
        known = before if shown is None else set(shown)
        after = before - (known - wanted) | (wanted - known)
        if len(after) > MOST_TAGS and after - before:
            raise Refused("too_many")
        order.tags.filter(name__in=before - after).delete()
        OrderTag.objects.bulk_create(
            (OrderTag(order=order, name=name) for name in sorted(after - before)), ignore_conflicts=True
        )
        if before != after:
            record("order.tagged", order, changes={"tags": [sorted(before), sorted(after)]})
    return sorted(after)


def assign(orders: Collection[Order], user: User | None) -> int:
    """Let the user take care of these orders; None: nobody. Returns for how many that is news."""
    changed = 0
    with transaction.atomic():
        before = dict(
            OrderAssignment.objects.filter(order__in=orders).values_list("order_id", "user__username")
        )
        name = user.get_username() if user else None
        for order in orders:
            if before.get(order.pk) != name:
                record("order.assigned", order, changes={"assignee": [before.get(order.pk), name]})
                changed += 1
        of_these = OrderAssignment.objects.filter(order__in=orders)
        if user is None:
            of_these.delete()
        else:
            of_these.update(user=user, assigned_at=timezone.now())
            made = [OrderAssignment(order=order, user=user) for order in orders if order.pk not in before]
            OrderAssignment.objects.bulk_create(made, ignore_conflicts=True)
    return changed


def waiting_for(user: User, *, most: int = MOST_WAITING) -> list[int]:
    """Ids of the orders that the user takes care of, or in a note of which he is named and has not seen it; the `most`
    newest of each."""
    # By `order_id`: by `order`, the orders would be joined and the oldest come first, as their own ordering is.
    assigned = OrderAssignment.objects.filter(user=user).order_by("-order_id")
    mentions = OrderMention.objects.filter(user=user, seen_at=None).order_by("-pk")
    return sorted(
        {
            *assigned.values_list("order_id", flat=True)[:most],
            *mentions.values_list("note__order_id", flat=True)[:most],
        }
    )


def with_tag(name: str, visible: Collection[int] | None = None, *, most: int = MOST_WAITING) -> list[int]:
    """Ids of the orders of these platforms, None: of all, with this tag, the `most` newest."""
    tagged = _tags_of(visible).filter(name=name).order_by("-order_id")
    return list(tagged.values_list("order_id", flat=True)[:most])


def known_tags(visible: Collection[int] | None = None) -> list[str]:
    """Of all orders of these platforms, None: of all, by name, up to MOST_SUGGESTED."""
    names = _tags_of(visible).order_by("name").values_list("name", flat=True).distinct()
    return list(names[:MOST_SUGGESTED])


def _tags_of(visible: Collection[int] | None) -> QuerySet[OrderTag]:
    """A tag's order is looked up by its id: there are few tags, and many orders of a platform."""
    if visible is None:
        return OrderTag.objects.all()
    return OrderTag.objects.filter(
        Exists(Order.objects.filter(pk=OuterRef("order_id"), platform__in=visible))
    )
