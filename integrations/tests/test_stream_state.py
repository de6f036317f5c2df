"""The row of a stream: written by column, made when there is something to say."""

from pathlib import Path

import pytest

from integrations.models import StreamState
from integrations.tests.racing_states import race_for_states
from integrations.tests.syncing import on_a_database_that_waits
from platforms.models import Platform


@pytest.mark.django_db(transaction=True)
def test_it_is_made_once_and_loses_no_column_to_another_writer(tmp_path: Path) -> None:
    """Twelve threads write three columns of a row that is not there yet."""
    found = on_a_database_that_waits(race_for_states, tmp_path)
    assert found == {"rows": 1, "kept": 3}


@pytest.mark.django_db
def test_it_goes_with_its_platform() -> None:
    platform = Platform.objects.create(name="short-lived")
    StreamState.write(platform.pk, "orders", interval_minutes=7)
    platform.delete()
    assert not StreamState.objects.filter(stream="orders", interval_minutes=7).exists()
