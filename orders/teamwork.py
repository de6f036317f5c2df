"""What a team keeps about an order beside what the platform reports: notes that name people, tags, an assignee.

None of it is personal data of the buyer, as the form says. Each deed is in the audit without the text of a note.
"""

import re
from collections.abc import Collection, Iterable

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from audit.recording import record
from core.text import storable_text
from orders.models import Order, OrderAssignment, OrderMention, OrderNote, OrderTag

LONGEST_NOTE = 2000  # characters
MOST_TAGS = 20  # of an order
MOST_SUGGESTED = 200  # tags that a form offers
MOST_WAITING = 4000  # orders that a list of them can hold
LONGEST_TAG = 40
MENTION = re.compile(r"(?<![\w@.])@([\w.@+-]*\w)")


class Refused(Exception):
    """Nothing was stored. `code` is "empty", "too_long" or "too_many"."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def add_note(order: Order, text: str, *, author: str, readers: Collection[User]) -> OrderNote:
    """Store a note. `readers` are the people who can see the order; those whom the text names, as @username, are told.
    Raises Refused."""
    text = storable_text(text).strip()
    if not text:
        raise Refused("empty")
    if len(text) > LONGEST_NOTE:
        raise Refused("too_long")
    named = {name.casefold() for name in MENTION.findall(text)}
    with transaction.atomic():
        note = OrderNote.objects.create(order=order, text=text, written_by=author[:150])
        told = [user for user in readers if user.get_username().casefold() in named]
        OrderMention.objects.bulk_create(OrderMention(note=note, user=user) for user in told)
        record("order.noted", order, changes={"mentions": [user.get_username() for user in told]})
    return note


def note_seen(order: Order, user: User) -> None:
    """The user has opened the order, with all notes that name him."""
    unseen = OrderMention.objects.filter(note__order=order, user=user, seen_at=None)
    if ids := list(unseen.values_list("pk", flat=True)):
        OrderMention.objects.filter(pk__in=ids).update(seen_at=timezone.now())


def set_tags(order: Order, names: Iterable[str]) -> list[str]:
    """The tags that the order has from now on, in their order. Raises Refused."""
    wanted = {name: None for name in (" ".join(storable_text(each).split()) for each in names) if name}
    if len(wanted) > MOST_TAGS:
        raise Refused("too_many")
    if any(len(name) > LONGEST_TAG for name in wanted):
        raise Refused("too_long")
    with transaction.atomic():
        before = list(order.tags.values_list("name", flat=True))
        gone, added = set(before) - set(wanted), [name for name in wanted if name not in before]
        order.tags.filter(name__in=gone).delete()
        OrderTag.objects.bulk_create(
            (OrderTag(order=order, name=name) for name in added), ignore_conflicts=True
        )
        if gone or added:
            record("order.tagged", order, changes={"tags": [before, sorted(wanted)]})
    return sorted(wanted)


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


def waiting_for(user: User) -> list[int]:
    """Ids of the orders that the user takes care of, or in a note of which he is named and has not seen it; the newest
    MOST_WAITING of each."""
    assigned = OrderAssignment.objects.filter(user=user).order_by("-order").values_list("order", flat=True)
    mentions = OrderMention.objects.filter(user=user, seen_at=None).order_by("-pk")
    mentioned = mentions.values_list("note__order", flat=True)
    return sorted({*assigned[:MOST_WAITING], *mentioned[:MOST_WAITING]})


def with_tag(name: str) -> list[int]:
    """Ids of the orders with this tag, the newest MOST_WAITING."""
    tagged = OrderTag.objects.filter(name=name).order_by("-order").values_list("order", flat=True)
    return list(tagged[:MOST_WAITING])


def known_tags() -> list[str]:
    """Of all orders, by name, up to MOST_SUGGESTED."""
    names = OrderTag.objects.order_by("name").values_list("name", flat=True).distinct()
    return list(names[:MOST_SUGGESTED])
