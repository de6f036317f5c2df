"""What was sold, summed up by day, so that a report of months need not read the orders (orders/sales_days.py)."""

from django.db import models

from core.database.fields import ExactCharField
from platforms.models import Platform


def _amount() -> models.DecimalField:  # type: ignore[type-arg]
    return models.DecimalField(max_digits=24, decimal_places=4, null=True)


class SalesDay(models.Model):
    """Whether the sums of a platform's day (UTC) are those of its orders as they are now. Without a row, they are not.

    Who writes orders of the day says that they are not, in the same transaction.
    """

    # It has no index of its own: that of the constraint begins with it.
    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    is_counted = models.BooleanField()

    class Meta:
        db_table = "sales_days"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=("platform", "day"), name="sales_day_unique_per_platform"),
        ]

    def __str__(self) -> str:
        return f"{self.platform_id} {self.day}"


class SalesZone(models.Model):
    """A time zone in which somebody looked at the report of sales, and when last: months of it are kept summed up."""

    name = models.CharField(max_length=64, unique=True)
    asked_on = models.DateField()

    class Meta:
        db_table = "sales_zones"
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class SalesMonth(models.Model):
    """A month of some zone, and whether its sums are those of its days as they were last counted. Where one of these is
    not counted (SalesDay), they say nothing."""

    # It has no index of its own: that of the constraint begins with it.
    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="+", db_index=False)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    is_counted = models.BooleanField()

    class Meta:
        db_table = "sales_months"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=("platform", "starts_at", "ends_at"), name="sales_month_unique_per_platform"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.platform_id} {self.starts_at}"


class _OrdersOfPlace(models.Model):
    """sales_sums.Orders of the live orders of one place."""

    marketplace_id = ExactCharField(max_length=32)
    currency = models.CharField(max_length=3)
    ship_to_country = models.CharField(max_length=2, null=True)
    orders = models.BigIntegerField()
    order_total = _amount()
    without_order_total = models.BigIntegerField()
    cancelled = models.BigIntegerField()
    cancelled_total = _amount()

    class Meta:
        abstract = True


class _LinesOfPlace(models.Model):
    """sales_sums.Lines of these orders by who pays the tax."""

    marketplace_id = ExactCharField(max_length=32)
    currency = models.CharField(max_length=3)
    ship_to_country = models.CharField(max_length=2, null=True)
    tax_model = models.CharField(max_length=255, null=True)
    tax_responsible_party = models.CharField(max_length=255, null=True)
    lines = models.BigIntegerField()
    units = models.BigIntegerField(null=True)
    without_quantity = models.BigIntegerField()
    net = _amount()
    without_net = models.BigIntegerField()
    tax = _amount()
    without_tax = models.BigIntegerField()
    item_tax = _amount()
    shipping_tax = _amount()
    gift_wrap_tax = _amount()
    discount_tax = _amount()
    other_tax = _amount()
    shipping = _amount()
    with_shipping = models.BigIntegerField()
    discount = _amount()
    with_discount = models.BigIntegerField()
    total = _amount()
    without_total = models.BigIntegerField()
    in_other_currency = models.BigIntegerField()

    class Meta:
        abstract = True


class SummedOrders(_OrdersOfPlace):
    """Of those that were purchased from `starts_at` on, until the next cut of sales_days.cuts()."""

    # It has no index of its own: the one below begins with it.
    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="+", db_index=False)
    starts_at = models.DateTimeField()

    class Meta:
        db_table = "sales_orders"
        default_permissions = ()
        indexes = [models.Index(fields=("platform", "starts_at"), name="sales_orders_start")]

    def __str__(self) -> str:
        return f"{self.platform_id} {self.starts_at}"


class SummedLines(_LinesOfPlace):
    """Likewise."""

    # It has no index of its own: the one below begins with it.
    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="+", db_index=False)
    starts_at = models.DateTimeField()

    class Meta:
        db_table = "sales_lines"
        default_permissions = ()
        indexes = [models.Index(fields=("platform", "starts_at"), name="sales_lines_start")]

    def __str__(self) -> str:
        return f"{self.platform_id} {self.starts_at}"


class MonthOrders(_OrdersOfPlace):
    """Of a month."""

    month = models.ForeignKey(SalesMonth, on_delete=models.CASCADE, related_name="+")

    class Meta:
        db_table = "sales_month_orders"
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.month_id)


class MonthLines(_LinesOfPlace):
    """Of a month."""

    month = models.ForeignKey(SalesMonth, on_delete=models.CASCADE, related_name="+")

    class Meta:
        db_table = "sales_month_lines"
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.month_id)
