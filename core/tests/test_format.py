"""Times as people read them: in the reader's zone and language, as Django's formats write them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.utils import timezone, translation
from django.utils.formats import date_format, number_format

from core.format import clock, format_datetime, grouped, local_datetime, local_short_day, short_day
from core.text import isolated

MOMENT = datetime(2026, 3, 5, 23, 7, 9, tzinfo=UTC)


@pytest.mark.parametrize("language", ["en", "de", "es"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu"])
def test_it_writes_a_time_as_the_formats_of_the_language_do(language: str, zone: str) -> None:
    with translation.override(language), timezone.override(zone):
        local = timezone.localtime(MOMENT)

        assert format_datetime(MOMENT) == date_format(local, "DATETIME_FORMAT")
        assert short_day(MOMENT, MOMENT) == date_format(local, translation.gettext("j M"))


def test_it_writes_the_same_day_in_the_language_of_each_reader() -> None:
    for language, day, other in (
        ("en", "5 Mar", "5 Mar 2026"),
        ("de", "5. Mär", "5. Mär 2026"),
        ("en", "5 Mar", "5 Mar 2026"),
    ):
        with translation.override(language):
            assert short_day(MOMENT, MOMENT) == day
            assert short_day(MOMENT, MOMENT.replace(year=2027)) == other


@pytest.mark.parametrize("language", ["en", "de", "es"])
@pytest.mark.parametrize(
    "amount", [0, 7, -7, 999, 1000, -1000, 9999, 12345, 1234567, -1234567, 10**15, True, Decimal("1234.50")]
)
def test_it_groups_a_number_as_the_formats_of_the_language_do(language: str, amount: int | Decimal) -> None:
    with translation.override(language):
        assert grouped(amount) == number_format(amount, force_grouping=True)


@pytest.mark.parametrize("language", ["en", "de", "es"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu"])
def test_it_writes_a_time_in_full_and_for_a_list(language: str, zone: str) -> None:
    with translation.override(language), timezone.override(zone):
        local = timezone.localtime(MOMENT)

        assert local_datetime(local) == format_datetime(MOMENT)
        assert local_short_day(local, local) == short_day(MOMENT, MOMENT)
        assert clock(local) == f"{local:%H:%M}"
        later = local.replace(year=2027)
        assert local_short_day(local, later) == short_day(MOMENT, MOMENT.replace(year=2027))


def test_it_names_the_zone_also_in_the_hour_that_there_is_twice() -> None:
    with timezone.override("Europe/Berlin"):
        twice = [format_datetime(datetime(2026, 10, 25, hour, 30, tzinfo=UTC)) for hour in (0, 1)]

    assert twice == ["2026-10-25 02:30 CEST", "2026-10-25 02:30 CET"]


@pytest.mark.parametrize("name", ["SKU-1", "CAFÉ-1", "茶-1", ""])
def test_a_name_from_left_to_right_is_left_as_it_is(name: str) -> None:
    assert isolated(name) == name


@pytest.mark.parametrize("name", ["תה-12", "شاي-1", "SKU-תה"])
def test_a_name_from_right_to_left_is_kept_apart(name: str) -> None:
    assert isolated(name) == f"\u2068{name}\u2069"
