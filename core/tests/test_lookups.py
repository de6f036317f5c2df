"""Numbers for which a column has no room, in lookups."""

import pytest

from platforms.models import Platform

pytestmark = pytest.mark.django_db


def test_a_number_that_no_column_holds_is_not_found_among_others() -> None:
    (platform,) = Platform.objects.all()
    far = (10**40, -(10**40), 2**63, -(2**63) - 1)
    for lookup in ("pk__in", "id__in"):
        assert list(Platform.objects.filter(**{lookup: [*far, platform.pk, None]})) == [platform]
        assert list(Platform.objects.filter(**{lookup: far})) == []
        assert list(Platform.objects.exclude(**{lookup: far})) == [platform]
    assert list(Platform.objects.filter(pk__in=Platform.objects.values("pk"))) == [platform]
