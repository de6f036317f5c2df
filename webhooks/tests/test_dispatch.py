"""From a change to the receiver: what is sent, in which order, how often, and when it is given up. Over real HTTP."""

import itertools
import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from feed.retention import prune_changes
from platforms.models import Platform
from webhooks.client import AT_ONCE, Outcome, WebhookClient
from webhooks.dispatch import SENDER, Dispatcher
from webhooks.emitting import emit
from webhooks.endpoints import (
    NotTold,
    SwitchedOff,
    change_endpoint,
    deliveries_within,
    replay,
    replay_all,
    rotate_secret,
    send_test,
)
from webhooks.leases import Leases, active_senders, unattended
from webhooks.models import Delivery, Endpoint, Event
from webhooks.queue import fill, fill_with_events, prune_deliveries, prune_events, settle
from webhooks.switching import switch_off
from webhooks.tests.receiver import Answer, Message, Receiver
from webhooks.tests.rows import change, endpoint_at, pass_time

pytestmark = pytest.mark.django_db

State, Problem, Off = Delivery.State, Delivery.Problem, Endpoint.Off


@pytest.fixture(autouse=True)
def _private(settings: Any) -> None:
    """Receivers are on this machine, and speak plain HTTP."""
    settings.WEBHOOKS_ALLOW_PRIVATE, settings.WEBHOOKS_REQUIRE_HTTPS = True, False


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def dispatch() -> Dispatcher:
    dispatcher = Dispatcher()
    dispatcher.run_once()
    return dispatcher


def refusing(status: int = 500) -> Any:
    return lambda _message: (status, {}, b"no")


def states(endpoint: Endpoint) -> list[str]:
    return list(endpoint.deliveries.order_by("pk").values_list("state", flat=True))


# --- what is sent


def test_it_sends_ids_and_changed_fields_and_nothing_else(receiver: Receiver) -> None:
    endpoint_at(receiver)
    change("order.updated", 12, "111-1", ("status", "total"))
    dispatch()
    (message,) = receiver.taken
    platform = Platform.objects.get()
    at = message["timestamp"]
    assert message == {
        "type": "order.updated",
        "timestamp": at,
        "data": {
            "sequence": 1, "at": at, "kind": "order.updated", "platform": platform.name, "platform_id": platform.pk,
            "id": 12, "external_id": "111-1", "fields": ["status", "total"],
        },
    }  # fmt: skip
    assert at.endswith("Z")
    assert message.headers["content-type"] == "application/json"
    assert message.headers["user-agent"].startswith("oms/")
    assert message.id.startswith("msg_")
    assert receiver.unsigned == 0
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.status, delivery.attempts, delivery.answer, delivery.next_at) == (
        State.DELIVERED, 200, 1, "thanks", None,
    )  # fmt: skip


def test_it_sends_what_was_asked_for(receiver: Receiver) -> None:
    other = Platform.objects.create(name="amazon-de")
    first = Platform.objects.get(name="amazon")
    endpoint_at(receiver, events=["order.created", "stock.changed", "stock.low"], platform_ids=[first.pk])
    for kind in ("order.created", "order.updated", "stock.updated", "stock.gone", "stock.low", "sync.closed"):
        for platform in (first, other):
            change(kind, platform.pk * 100, platform_id=platform.pk)
    dispatch()
    told = [(message["type"], message["data"]["kind"]) for message in receiver.taken]
    assert sorted(told) == [
        ("order.created", "order.created"), ("stock.changed", "stock.gone"), ("stock.changed", "stock.updated"),
        ("stock.low", "stock.low"),
    ]  # fmt: skip
    assert {message["data"]["platform"] for message in receiver.taken} == {"amazon"}


def test_an_endpoint_of_no_platform_and_one_of_several(receiver: Receiver) -> None:
    """The platforms of the first were deleted: that must not become all of them."""
    platforms = [Platform.objects.get(), *(Platform.objects.create(name=f"shop-{n}") for n in range(2))]
    endpoint_at(receiver, platform_ids=[])
    endpoint_at(receiver, platform_ids=[platforms[0].pk, platforms[2].pk])
    for platform in platforms:
        change("order.created", platform.pk, platform_id=platform.pk)
    dispatch()
    assert sorted(message["data"]["platform"] for message in receiver.taken) == ["amazon", "shop-1"]


def test_it_tells_of_nothing_that_was_before_the_endpoint(receiver: Receiver) -> None:
    change("order.created", 1)
    endpoint = endpoint_at(receiver)
    dispatch()
    assert (receiver.met, endpoint.deliveries.count()) == ([], 0)


def test_events_that_are_no_change_go_to_those_who_want_them(receiver: Receiver) -> None:
    platform = Platform.objects.get()
    with Receiver() as other:
        endpoint_at(receiver, events=["platform.attention"], platform_ids=[platform.pk])
        endpoint_at(other, events=["order.created"])
        emit("platform.attention", {"platform": "amazon"}, platform_id=platform.pk, key="platform:1")
        emit("platform.attention", {"platform": "other"}, platform_id=platform.pk + 1)
        dispatch()
        assert [message["data"] for message in receiver.taken] == [{"platform": "amazon"}]
        assert other.met == []


def test_a_replaced_secret_signs_beside_the_new_one(receiver: Receiver) -> None:
    endpoint = endpoint_at(receiver)
    old, new = receiver.secret, rotate_secret(endpoint)
    for secret in (old, new):
        receiver.secret = secret
        change("order.created", 1)
        dispatch()
    assert (len(receiver.taken), receiver.unsigned) == (2, 0)


# --- order


def test_the_changes_of_an_object_arrive_in_order_and_wait_for_the_one_before(receiver: Receiver) -> None:
    endpoint = endpoint_at(receiver)
    receiver.answer = lambda message: (500 if message["data"]["id"] == 1 else 200, {}, b"")
    for number in range(5):
        change("order.updated", 1, fields=(f"f{number}",))
        change("order.updated", 2, fields=(f"f{number}",))
    dispatch()
    assert [message["data"]["fields"] for message in receiver.taken] == [[f"f{n}"] for n in range(5)]
    assert {message["data"]["id"] for message in receiver.taken} == {2}
    assert [m["data"]["fields"] for m in receiver.met if m["data"]["id"] == 1] == [["f0"]]
    receiver.answer = lambda _message: (200, {}, b"")
    pass_time(endpoint, minutes=1)
    dispatch()
    assert [m["data"]["fields"] for m in receiver.taken if m["data"]["id"] == 1] == [
        [f"f{n}"] for n in range(5)
    ]


def test_many_changes_are_read_piece_by_piece(receiver: Receiver) -> None:
    """More than an endpoint may have waiting; the rest stays in the feed meanwhile."""
    endpoint = endpoint_at(receiver)
    receiver.answer = refusing(503)
    for number in range(60):
        change("order.created", number)
    Dispatcher(most_waiting=50).run_once()
    assert endpoint.deliveries.count() == 50
    assert len(receiver.met) <= 4  # nobody is at home: it does not knock fifty times
    receiver.answer = lambda _message: (200, {}, b"")
    pass_time(endpoint, minutes=1)
    Dispatcher(most_waiting=50).run_once()
    assert sorted(message["data"]["id"] for message in receiver.taken) == list(range(60))


def test_events_of_a_dead_receiver_are_stored_once_and_all_come_in_order_when_it_is_back(
    receiver: Receiver,
) -> None:
    """However many there are for however many endpoints, no more than `most_waiting` become rows of each."""
    with Receiver() as other:
        dead = [endpoint_at(each, events=["alert.began", "alert.ended"]) for each in (receiver, other)]
        receiver.answer = other.answer = refusing(503)
        for number in range(40):
            for event in ("alert.began", "alert.ended"):
                emit(event, {"number": number}, key=f"alert:{number % 4}")
            if number % 10 == 0:
                Dispatcher(most_waiting=10).run_once()
        assert [endpoint.deliveries.count() for endpoint in dead] == [10, 10]
        assert Event.objects.count() == 80
        for endpoint in dead:
            pass_time(endpoint, hours=71)
        receiver.answer = other.answer = lambda _message: (200, {}, b"")
        Dispatcher(most_waiting=10).run_once()
        for each in (receiver, other):
            told: dict[int, list[tuple[int, str]]] = defaultdict(list)
            for message in each.taken:
                number = message["data"]["number"]
                told[number % 4].append((number, message["type"]))
            assert told == {
                key: [(n, f"alert.{what}") for n in range(key, 40, 4) for what in ("began", "ended")]
                for key in range(4)
            }
    Event.objects.update(created_at=timezone.now() - timedelta(days=31))
    assert (prune_events(), Event.objects.count()) == (80, 0)


def test_events_wait_for_an_endpoint_that_is_off_as_changes_do(receiver: Receiver) -> None:
    emit("alert.began", {"number": 0})
    endpoint = endpoint_at(receiver)
    change_endpoint(endpoint, {"is_active": False})
    emit("alert.began", {"number": 1})
    dispatch()
    change_endpoint(endpoint, {"is_active": True})
    dispatch()
    assert [message["data"]["number"] for message in receiver.taken] == [1]


# --- receivers that are not well


def test_a_dead_and_a_slow_receiver_delay_themselves_alone(receiver: Receiver) -> None:
    go = threading.Event()

    def slow(_message: Message) -> Answer:
        go.wait(30)
        return 200, {}, b""

    with Receiver() as late, Receiver() as dead:
        late.answer = slow
        endpoint_at(dead, name="dead")
        endpoint_at(late, name="late")
        endpoint_at(receiver, name="well")
        dead.__exit__()
        for number in range(30):
            change("order.created", number)
        held: list[int] = []

        def is_told() -> bool:
            if len(receiver.taken) == 30 and not held:
                held.append(len(late.met))
                go.set()
            return bool(held)

        Dispatcher(tick=0.05).run(is_told)
        # The slow one held its requests all the while, at most four of them.
        assert (len(receiver.taken), 1 <= held[0] <= 4) == (30, True)


@pytest.mark.parametrize("status", [500, 404, 301, 429, 503])
def test_it_tries_again_with_growing_pauses_and_the_same_id(receiver: Receiver, status: int) -> None:
    endpoint = endpoint_at(receiver)
    receiver.answer = refusing(status)
    change("order.created", 1)
    pauses = []
    for _number in range(8):
        dispatch()
        delivery = endpoint.deliveries.get()
        assert delivery.next_at is not None
        assert delivery.attempted_at is not None
        pauses.append((delivery.next_at - delivery.attempted_at).total_seconds())
        pass_until_due(endpoint)
    assert all(4 < pause < 6 for pause in pauses[:2])
    assert all(later > 1.5 * sooner for sooner, later in itertools.pairwise(pauses[1:]))
    assert (len(receiver.met), len({message.id for message in receiver.met})) == (8, 1)
    assert (delivery.attempts, delivery.status, delivery.answer) == (8, status, "no")


def test_it_waits_as_long_as_the_receiver_asks(receiver: Receiver) -> None:
    endpoint = endpoint_at(receiver)
    receiver.answer = lambda _message: (429, {"retry-after": "1800"}, b"")
    change("order.created", 1)
    change("order.created", 2)
    dispatch()
    pass_time(endpoint, seconds=1700)
    dispatch()
    assert len(receiver.met) <= 2
    pass_time(endpoint, seconds=200)
    receiver.answer = lambda _message: (200, {}, b"")
    dispatch()
    assert len(receiver.taken) == 2


def pass_until_due(endpoint: Endpoint) -> float:
    """Let the time of the next attempt come. Returns the seconds until then."""
    endpoint.refresh_from_db()
    pending = endpoint.deliveries.filter(state=State.PENDING, attempts__gt=0).values_list(
        "next_at", flat=True
    )
    moments = [min(filter(None, pending), default=None), endpoint.paused_until]
    due = max(filter(None, moments), default=timezone.now())
    seconds = max((due - timezone.now()).total_seconds(), 0) + 0.01
    pass_time(endpoint, seconds=seconds)
    return seconds


def attempts_until_it_is_over(endpoint: Endpoint) -> list[float]:
    """Let time pass from attempt to attempt; the hours after the first one."""
    hours = [0.0]
    dispatch()
    while endpoint.is_active and endpoint.deliveries.filter(state=State.PENDING).exists():
        hours.append(hours[-1] + pass_until_due(endpoint) / 3600)
        dispatch()
        endpoint.refresh_from_db()
    return hours


def test_after_three_days_it_is_switched_off_and_others_are_told(receiver: Receiver) -> None:
    endpoint = endpoint_at(receiver, events=["order.created"])
    receiver.answer = refusing()
    with Receiver() as other:
        endpoint_at(other, events=["webhook.switched_off"])
        change("order.created", 1)
        hours = attempts_until_it_is_over(endpoint)
        assert 71.9 < hours[-1] < 72.5
        assert 12 <= len(hours) <= 22
        assert (endpoint.is_active, endpoint.off_reason, states(endpoint)) == (
            False,
            Off.FAILING,
            [State.PENDING],
        )
        dispatch()
        (message,) = other.taken
        assert (message["type"], message["data"]["name"], message["data"]["reason"]) == (
            "webhook.switched_off", "shop", "failing",
        )  # fmt: skip
    # What happened meanwhile waits for it.
    change("order.created", 2)
    dispatch()
    assert len(receiver.met) == len(hours)
    receiver.answer = lambda _message: (200, {}, b"")
    assert change_endpoint(endpoint, {"is_active": True})
    dispatch()
    assert sorted(message["data"]["id"] for message in receiver.taken) == [1, 2]


def test_who_is_narrowed_hears_only_of_webhooks_of_that_platform(receiver: Receiver) -> None:
    """Not of one for all platforms, nor of one for several, whose name may be no business of theirs."""
    other = Platform.objects.create(name="other").pk
    mine = Platform.objects.get(name="amazon").pk
    wide, own = endpoint_at(receiver, events=["webhook.switched_off"]), [mine]
    narrowed = endpoint_at(receiver, events=["webhook.switched_off"], platform_ids=own)
    for name, ids in (("all", None), ("both", [mine, other]), ("theirs", [other]), ("mine", own)):
        switch_off(endpoint_at(receiver, name=name, platform_ids=ids), Off.GONE)
    dispatch()

    def told(endpoint: Endpoint) -> list[str]:
        bodies = endpoint.deliveries.order_by("pk").values_list("body", flat=True)
        return [json.loads(body)["data"]["name"] for body in bodies]

    assert (told(wide), told(narrowed)) == (["all", "both", "theirs", "mine"], ["mine"])
    # Narrowed later, it is not sent again what it was told of others, and confined readers do not find it.
    assert change_endpoint(wide, {"platform_ids": own})
    assert replay_all(wide, failed_only=False) == 1
    found = deliveries_within(Delivery.objects.filter(endpoint=wide), own)
    assert [json.loads(delivery.body)["data"]["name"] for delivery in found] == ["mine"]


def test_a_message_that_alone_is_refused_is_given_up_and_the_endpoint_stays_on(receiver: Receiver) -> None:
    endpoint = endpoint_at(receiver)
    receiver.answer = lambda message: (
        422 if message["data"]["fields"] == ["odd"] else 200,
        {},
        b"cannot read it",
    )
    change("order.updated", 1, fields=("odd",))
    change("order.updated", 1, fields=("after",))
    change("order.created", 2)
    dispatch()
    pass_time(endpoint, hours=1)
    change("order.created", 3)
    attempts_until_it_is_over(endpoint)
    endpoint.refresh_from_db()
    assert (endpoint.is_active, states(endpoint)) == (
        True, [State.FAILED, State.DELIVERED, State.DELIVERED, State.DELIVERED],
    )  # fmt: skip
    odd = endpoint.deliveries.get(state=State.FAILED)
    assert (odd.status, odd.answer) == (422, "cannot read it")
    receiver.answer = lambda _message: (200, {}, b"")
    assert replay_all(endpoint) == 1
    dispatch()
    assert [message["data"]["fields"] for message in receiver.taken][-1] == ["odd"]
    assert receiver.taken[-1].id == odd.message_id


def test_410_switches_it_off_at_once(receiver: Receiver) -> None:
    endpoint = endpoint_at(receiver)
    receiver.answer = refusing(410)
    change("order.created", 1)
    dispatch()
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.off_reason, len(receiver.met)) == (False, Off.GONE, 1)


def test_what_met_nobody_goes_out_at_once_when_somebody_is_back(receiver: Receiver) -> None:
    endpoint = endpoint_at(receiver)
    receiver.answer = refusing(503)
    for number in range(20):
        change("order.created", number)
    dispatch()
    for _day in range(3):
        pass_time(endpoint, hours=8)
        dispatch()
    receiver.answer = lambda _message: (200, {}, b"")
    pass_time(endpoint, hours=1)
    dispatch()
    assert states(endpoint) == [State.DELIVERED] * 20


def test_an_endpoint_that_missed_what_is_no_longer_kept_is_switched_off(receiver: Receiver) -> None:
    endpoint = endpoint_at(receiver)
    change_endpoint(endpoint, {"is_active": False})
    for number in range(3):
        change("order.created", number)
    prune_changes(timezone.now() + timedelta(days=1))
    Endpoint.objects.update(is_active=True)  # as if it had been read too slowly
    dispatch()
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.off_reason) == (False, Off.TOO_LATE)
    assert not change_endpoint(endpoint, {"is_active": True})  # it starts anew
    change("order.created", 9)
    dispatch()
    assert [message["data"]["id"] for message in receiver.taken] == [9]


def test_an_unreadable_secret_is_a_problem_of_that_endpoint_alone(receiver: Receiver, settings: Any) -> None:
    broken = endpoint_at(receiver, name="broken")
    settings.FIELD_ENCRYPTION_KEY = [
        "b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXItb3Q=",
        *settings.FIELD_ENCRYPTION_KEY,
    ]
    endpoint_at(receiver, name="well")
    settings.FIELD_ENCRYPTION_KEY = settings.FIELD_ENCRYPTION_KEY[:1]
    change("order.created", 1)
    dispatch()
    assert (broken.deliveries.get().problem, len(receiver.taken)) == (Problem.UNREADABLE_SECRET, 1)


# --- people


def test_a_test_event_is_sent_at_once_even_where_it_is_switched_off(receiver: Receiver) -> None:
    endpoint = endpoint_at(receiver, is_active=False)
    delivery = send_test(endpoint)
    assert (delivery.state, delivery.event, receiver.taken[0]["type"]) == (
        State.DELIVERED, "webhook.test", "webhook.test",
    )  # fmt: skip
    receiver.answer = refusing()
    assert (send_test(endpoint).state, send_test(endpoint).status) == (State.FAILED, 500)
    dispatch()
    assert len(receiver.met) == 3  # a test is not tried again


def test_a_test_ends_though_nobody_can_end_looking_up_the_host(receiver: Receiver) -> None:
    """A name server that answers slowly, or never, keeps no process of the web server."""
    endpoint, go = endpoint_at(receiver), threading.Event()

    def resolve(_host: str, _port: int) -> list[str]:
        go.wait(30)
        raise OSError

    delivery = send_test(endpoint, WebhookClient(resolve), patience=0.1)
    assert (delivery.state, delivery.problem, receiver.met) == (State.FAILED, Problem.TIMEOUT, [])
    go.set()


def test_replays_have_the_id_of_the_first_time(receiver: Receiver) -> None:
    endpoint = endpoint_at(receiver)
    for number in range(3):
        change("order.created", number)
    dispatch()
    first = [message.id for message in receiver.taken]
    replay(endpoint.deliveries.get(message_id=first[0]))
    dispatch()
    assert replay_all(endpoint) == 0
    assert replay_all(endpoint, failed_only=False) == 3
    assert replay_all(endpoint, failed_only=False, since=timezone.now()) == 0
    dispatch()
    assert sorted(message.id for message in receiver.taken[3:]) == sorted([first[0], *first])
    change_endpoint(endpoint, {"is_active": False})
    with pytest.raises(SwitchedOff):
        replay(endpoint.deliveries.all()[0])
    with pytest.raises(SwitchedOff):
        replay_all(endpoint)


def test_narrowed_to_fewer_platforms_it_is_told_nothing_more_of_the_others(receiver: Receiver) -> None:
    """Neither what waited, nor what had failed, nor what is read from the feed at that moment."""
    kept, left = (Platform.objects.create(name=name).pk for name in ("kept", "left"))
    endpoint = endpoint_at(receiver)
    receiver.answer = refusing(503)
    for number, platform_id in enumerate((kept, left)):
        change("order.created", number, platform_id=platform_id)
    emit("platform.attention", {"platform_id": left}, platform_id=left)
    emit("alert.began", {"platform_id": None})
    dispatch()
    failed = Delivery.objects.create(
        endpoint=endpoint,
        message_id="failed",
        event="order.updated",
        platform_id=left,
        state="failed",
        body="{}",
    )
    change("order.created", 2, platform_id=left)  # not read yet
    change_endpoint(endpoint, {"platform_ids": [kept], "url": receiver.url("localhost")})
    with pytest.raises(NotTold):
        replay(failed)
    assert replay_all(endpoint, failed_only=False) == 2
    receiver.answer = lambda _message: (200, {}, b"")
    dispatch()
    assert {message["data"].get("id") for message in receiver.taken} == {0, None}
    assert Delivery.objects.exclude(pk=failed.pk).filter(platform_id=left).count() == 0


def test_what_was_read_for_more_platforms_is_not_stored_once_it_is_narrowed(receiver: Receiver) -> None:
    kept, left = (Platform.objects.create(name=name).pk for name in ("kept", "left"))
    endpoint = endpoint_at(receiver)
    leases = Leases()
    leases.renew()
    (before,) = leases.held()
    change("order.created", 1, platform_id=left)
    emit("platform.attention", {"platform_id": left}, platform_id=left)
    change_endpoint(endpoint, {"platform_ids": [kept]})
    assert not fill(before, leases.token)
    assert not fill_with_events(before, leases.token)
    assert not Delivery.objects.exists()


def test_a_message_that_is_dropped_while_it_is_sent_costs_nothing(receiver: Receiver) -> None:
    endpoint = endpoint_at(receiver)
    change("order.created", 1)
    leases = Leases()
    leases.renew()
    (held,) = leases.held()
    fill(held, leases.token)
    delivery = Delivery.objects.get()
    other = Platform.objects.create(name="other").pk
    change_endpoint(endpoint, {"platform_ids": [other]})
    assert settle(held, [(delivery, Outcome(status=200))], leases.token, has_worked=False)
    assert not Delivery.objects.exists()


def test_a_test_of_a_webhook_that_was_deleted_is_none(receiver: Receiver) -> None:
    endpoint = endpoint_at(receiver)
    Endpoint.objects.all().delete()
    with pytest.raises(Endpoint.DoesNotExist):
        send_test(endpoint)


def test_a_new_url_is_tried_at_once(receiver: Receiver) -> None:
    with Receiver() as old:
        endpoint = endpoint_at(old)
        secret = old.secret
        old.answer = refusing(503)
        change("order.created", 1)
        dispatch()
        receiver.secret = secret
        change_endpoint(endpoint, {"url": receiver.url()})
        dispatch()
        assert len(receiver.taken) == 1


def test_it_names_a_platform_that_is_gone_as_the_feed_does(receiver: Receiver) -> None:
    endpoint_at(receiver)
    change("platform.changed", 77, platform_id=77)
    dispatch()
    (message,) = receiver.taken
    assert (message["data"]["platform"], message["data"]["platform_id"]) == ("", 77)


# --- processes


def test_each_endpoint_has_one_sender_and_another_takes_over_when_that_is_gone(receiver: Receiver) -> None:
    endpoint_at(receiver)
    one, other = Leases(), Leases()
    assert (one.renew(), other.renew(), one.renew()) == (1, 0, 1)
    assert len(active_senders()) == 1
    assert not unattended().exists()
    Endpoint.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=61))
    assert unattended().count() == 1
    assert (other.renew(), one.renew()) == (1, 0)
    other.release()
    assert one.renew() == 1


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(hours=-1)])
def test_hosts_that_do_not_agree_on_the_time_send_for_each_endpoint_once(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
) -> None:
    endpoint_at(receiver)
    one, other, now = Leases(), Leases(), timezone.now
    assert one.renew() == 1
    monkeypatch.setattr(timezone, "now", lambda: now() + ahead)
    assert (other.renew(), len(active_senders()), unattended().count()) == (0, 1, 0)
    one.release()
    assert other.renew() == 1
    endpoint_at(receiver, name="made on this host")
    monkeypatch.setattr(timezone, "now", now)
    assert (other.renew(), unattended().count()) == (2, 0)
    assert one.renew() == 0


def test_changes_are_numbered_before_an_endpoint_is_locked(receiver: Receiver) -> None:
    """One order for all, so that two of them cannot wait for each other."""
    endpoint = endpoint_at(receiver, is_active=False)
    change("order.created", 1)
    with CaptureQueriesContext(connection) as captured:
        change_endpoint(endpoint, {"name": "other", "is_active": True})
    order = [
        query["sql"].split()[0] if "SAVEPOINT" in query["sql"] else table
        for query in captured
        for table in ("feed_position", "webhook_endpoints")
        if "SAVEPOINT" in query["sql"]
        or (query["sql"].startswith(("UPDATE", "SELECT")) and table in query["sql"])
    ]
    numbered = max(
        at
        for at, name in enumerate(order)
        if name == "feed_position" and at < order.index("webhook_endpoints")
    )
    assert "RELEASE" in order[numbered : order.index("webhook_endpoints")]
    after = [query["sql"] for query in captured if "feed_position" in query["sql"]][-1]
    assert after.startswith("SELECT")
    assert "FOR UPDATE" not in after


def test_a_process_that_lost_its_lease_changes_nothing(receiver: Receiver) -> None:
    """It hung while another one took over: what came of its request is not stored, and the other one sends again."""
    endpoint = endpoint_at(receiver)
    change("order.created", 1)
    taken_over = Leases()

    def meanwhile(_message: Message) -> Answer:
        return 200, {}, b""

    receiver.answer = meanwhile
    dispatcher = Dispatcher()
    assert dispatcher._look()
    Endpoint.objects.update(lease_token=taken_over.token)
    dispatcher.finish()
    assert (dispatcher.delivered, len(receiver.taken), states(endpoint)) == (0, 1, [State.PENDING])
    Endpoint.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    dispatch()
    assert (states(endpoint), len(receiver.taken), len({m.id for m in receiver.taken})) == (
        [State.DELIVERED],
        2,
        1,
    )


def stores_an_attempt(sql: str) -> bool:
    """Whether this is the first statement by which what came of attempts is stored."""
    return sql.startswith("UPDATE") and "failing_since" in sql and "last_delivered_at" in sql


def test_a_database_that_fails_for_one_endpoint_stops_no_other() -> None:
    """What has come for the others at the same moment is not forgotten: they would wait for it until a restart."""
    first_is_stored, stored = threading.Event(), itertools.count()
    asked = itertools.count()

    def answer(_message: Message) -> Answer:
        if next(asked):
            first_is_stored.wait(60)
        return 200, {}, b""

    def database(execute: Any, sql: str, *rest: Any) -> Any:
        if stores_an_attempt(sql):
            number = next(stored)
            if number == 0:  # those of the two others come together
                first_is_stored.set()
                for thread in threading.enumerate():
                    if thread.name == SENDER:
                        thread.join(60)
            if number == 1:
                raise DatabaseError("It cannot be used.")
        return execute(sql, *rest)

    with Receiver() as one, Receiver() as two, Receiver() as three:
        for receiver in (one, two, three):
            receiver.answer = answer
            endpoint_at(receiver)
        change("order.created", 1)
        dispatcher, end = Dispatcher(), time.monotonic() + 60
        with connection.execute_wrapper(database):
            with pytest.raises(DatabaseError):
                dispatcher.run_once()
            dispatcher.run(lambda: time.monotonic() > end or dispatcher.delivered == 3)
        assert dispatcher.delivered == 3
        assert not Delivery.objects.exclude(state=State.DELIVERED).exists()


def test_an_attempt_is_counted_once_however_often_storing_it_is_repeated(receiver: Receiver) -> None:
    endpoint = endpoint_at(receiver)
    receiver.answer = refusing()
    change("order.created", 1)
    stored = itertools.count()

    def database(execute: Any, sql: str, *rest: Any) -> Any:
        result = execute(sql, *rest)
        if sql.startswith("UPDATE") and "attempted_at" in sql and next(stored) == 0:
            raise OperationalError("database is locked")
        return result

    with connection.execute_wrapper(database):
        dispatch()
    assert next(stored) == 2
    assert endpoint.deliveries.get().attempts == 1


def test_a_message_that_cannot_be_made_fails_and_keeps_no_thread(receiver: Receiver) -> None:
    endpoint = endpoint_at(receiver)
    endpoint.signing_secrets = {"secrets": [{"secret": "whsec_x", "until": None}]}  # no base64
    endpoint.save()
    for number in range(AT_ONCE + 2):
        change("order.created", number)
    dispatch()
    assert set(endpoint.deliveries.values_list("state", "problem")) <= {
        (State.PENDING, Problem.CONNECTION),
        (State.PENDING, ""),
    }
    assert not receiver.met


def test_old_deliveries_are_deleted_and_those_that_wait_are_kept(receiver: Receiver) -> None:
    endpoint = endpoint_at(receiver)
    change("order.created", 1)
    dispatch()
    receiver.answer = refusing()
    change("order.created", 2)
    dispatch()
    Delivery.objects.update(created_at=timezone.now() - timedelta(days=31))
    assert prune_deliveries() == 1
    assert states(endpoint) == [State.PENDING]


def test_deliveries_of_an_earlier_release_get_the_platform_that_their_bodies_name(receiver: Receiver) -> None:
    endpoint = endpoint_at(receiver)
    pk = Platform.objects.values_list("pk", flat=True)[0]
    change("order.created", 1)
    emit("alert.began", {"kind": "overdue", "platform_id": pk}, platform_id=pk)
    emit("alert.began", {"kind": "queue", "platform_id": None})
    dispatch()
    send_test(endpoint)
    Delivery.objects.update(platform_id=None)
    import_module("webhooks.migrations.0006_fill_platform_id").fill(apps, None)
    told = Delivery.objects.order_by("pk").values_list("platform_id", flat=True)
    assert list(told) == [pk, pk, None, None]
