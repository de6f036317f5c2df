"""Lookups that every query uses once this module is imported.

`id__in=[10**40]` finds nothing. Django itself answers `id=10**40` like that, and raises OverflowError for the former on
SQLite: forms and actions of the admin look up the ids that a browser sent with `__in`.
"""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import IntegerField
from django.db.models.lookups import In


@IntegerField.register_lookup
class InRange(In):
    """`__in` of an integer column, without the numbers for which the column has no room.
    https://docs.djangoproject.com/en/5.2/howto/custom-lookups/"""

    def process_rhs(self, compiler: Any, connection: BaseDatabaseWrapper) -> Any:
        if self.rhs_is_direct_value():
            column = self.lhs.output_field.get_internal_type()
            lowest, highest = connection.ops.integer_field_range(column)
            # What is no number is None or an expression.
            self.rhs = [each for each in self.rhs if not isinstance(each, int) or lowest <= each <= highest]
        return super().process_rhs(compiler, connection)
