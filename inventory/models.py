"""InventoryItem: the stock of one SKU in one marketplace; StockSnapshot and StockDay: what it was on each day.
SkuSettings, PlannedSku and PlanningState: the stock of a SKU over all marketplaces, and what people plan it by."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Case, F, Value, When
from django.utils.translation import gettext_lazy as _

from core.database.fields import ExactCharField
from platforms.models import Platform, Source

HIGHEST_THRESHOLD = 1_000_000_000  # every database has room for it


class InventoryQuerySet(models.QuerySet["InventoryItem"]):
    def business(self) -> "InventoryQuerySet":
        """Live rows that the platform still lists: what may be counted, within one marketplace."""
        return self.filter(source=Source.LIVE, gone_at__isnull=True)

    def low(self, source: str = Source.LIVE) -> "InventoryQuerySet":
        """Of one source, listed, and nothing left or no more than the threshold. What is not known is not low."""
        return self.filter(source=source, level__in=(Level.OUT, Level.LOW))

    def out(self) -> "InventoryQuerySet":
        """Live, listed, and nothing left to sell."""
        return self.filter(source=Source.LIVE, level=Level.OUT)

    def gone(self) -> "InventoryQuerySet":
        """No longer listed by the platform."""
        return self.filter(level=Level.GONE)


class Level(models.IntegerChoices):
    """The level of a row, the most urgent first: lists are sorted by it."""

    OUT = 0, _("out of stock")
    LOW = 1, _("low")
    ENOUGH = 2, _("in stock")
    UNKNOWN = 3, _("not known")
    GONE = 4, _("gone")


def _level() -> Case:
    """The only definition of low. Without a threshold, a row is low when nothing is left."""
    return Case(
        When(gone_at__isnull=False, then=Value(Level.GONE.value)),
        When(available__isnull=True, then=Value(Level.UNKNOWN.value)),
        When(available__lte=0, then=Value(Level.OUT.value)),
        When(available__lte=F("threshold"), then=Value(Level.LOW.value)),
        default=Value(Level.ENOUGH.value),
    )


class InventoryItem(models.Model):
    # Its key and `stock_source` begin with the platform.
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="inventory", db_index=False)
    marketplace_id = ExactCharField(_("marketplace"), max_length=32)
    sku = ExactCharField(_("SKU"), max_length=255)
    asin = ExactCharField(_("ASIN"), max_length=32, blank=True, default="")
    fnsku = ExactCharField(_("FNSKU"), max_length=64, blank=True, default="")
    title = models.TextField(_("title"), blank=True, default="")
    condition = models.CharField(_("condition"), max_length=64, blank=True, default="")
    total = models.IntegerField(_("total"), null=True, blank=True)
    available = models.IntegerField(_("available"), null=True, blank=True)
    reserved = models.IntegerField(_("reserved"), null=True, blank=True)
    inbound = models.IntegerField(_("inbound"), null=True, blank=True)
    unfulfillable = models.IntegerField(_("unfulfillable"), null=True, blank=True)
    researching = models.IntegerField(_("researching"), null=True, blank=True)
    # Units of each kind, by group: {"reserved": {"pending_customer_order": 3}}; NULL where none was ever reported. NULL
    # and not {}, since a column with a default has SQLite write the whole table again.
    details = models.JSONField(_("kinds of stock"), null=True, blank=True)
    source = models.CharField(_("source"), max_length=8, choices=Source.choices)
    platform_updated_at = models.DateTimeField(_("changed on the platform"), null=True, blank=True)
    content_hash = models.CharField(max_length=64, editable=False)
    synced_at = models.DateTimeField(_("stored"))
    gone_at = models.DateTimeField(
        _("gone since"), null=True, blank=True, help_text=_("A complete sweep no longer listed this SKU.")
    )
    # Set by people; a sync never touches it.
    threshold = models.PositiveIntegerField(
        _("threshold"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(HIGHEST_THRESHOLD)],
        help_text=_("The SKU counts as low when no more than this is available. Empty: when nothing is."),
    )
    # The database computes it, so no code that writes quantities or thresholds, bulk or SQL, can forget it.
    level = models.GeneratedField(
        expression=_level(),
        output_field=models.SmallIntegerField(_("stock level"), choices=Level.choices),
        db_persist=True,
    )

    objects = InventoryQuerySet.as_manager()

    class Meta:
        db_table = "inventory_items"
        ordering = ("sku", "marketplace_id", "id")
        verbose_name = _("inventory item")
        verbose_name_plural = _("inventory items")
        constraints = [
            models.UniqueConstraint(
                fields=("platform", "marketplace_id", "sku", "fnsku"), name="stock_unique_per_platform"
            ),
        ]
        indexes = [
            # The list and the API's cursor, by SKU.
            models.Index(fields=("sku", "id"), name="stock_sku"),
            models.Index(fields=("asin",), name="stock_asin"),
            models.Index(fields=("fnsku",), name="stock_fnsku"),
            # The list: low stock first. With the source, it counts what is low as well.
            models.Index(fields=("level", "available", "sku", "id", "source"), name="stock_lowest_first"),
            # The API's synced_after/synced_before, and that order of its list.
            models.Index(fields=("synced_at",), name="stock_synced"),
            # Whether a platform has mock or sandbox rows, which the first live sync deletes. The platform comes first:
            # beginning with the source, SQLite would use it for every list of live rows, and sort nearly all of them.
            models.Index(fields=("platform", "source"), name="stock_source"),
        ]

    def __str__(self) -> str:
        return f"{self.sku} ({self.marketplace_id})"


class StockSnapshot(models.Model):
    """What was in stock of one live, listed row at the end of a day (UTC), or so far where the day is not over."""

    item = models.ForeignKey(
        InventoryItem, on_delete=models.CASCADE, related_name="snapshots", db_index=False
    )
    day = models.DateField(_("day"))
    available = models.IntegerField(_("available"), null=True)
    total = models.IntegerField(_("total"), null=True)

    class Meta:
        db_table = "stock_snapshots"
        ordering = ("item", "day")
        verbose_name = _("stock of a day")
        verbose_name_plural = _("stock by day")
        constraints = [models.UniqueConstraint(fields=("item", "day"), name="one_snapshot_a_day")]
        # For deleting old rows.
        indexes = [models.Index(fields=("day",), name="snapshot_day")]

    def __str__(self) -> str:
        return f"{self.item_id} {self.day}"


class StockDay(models.Model):
    """The snapshots of a day added up within one marketplace of one platform.

    Never add these up over marketplaces: the same unit is listed in several.
    """

    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="stock_days")
    marketplace_id = ExactCharField(_("marketplace"), max_length=32)
    day = models.DateField(_("day"))
    skus = models.IntegerField(_("SKUs"))
    available = models.BigIntegerField(_("available"), null=True)
    total = models.BigIntegerField(_("total"), null=True)
    taken_at = models.DateTimeField(_("written down"))

    class Meta:
        db_table = "stock_days"
        ordering = ("day", "platform", "marketplace_id")
        verbose_name = _("stock of a marketplace by day")
        verbose_name_plural = _("stock of marketplaces by day")
        constraints = [
            models.UniqueConstraint(fields=("day", "platform", "marketplace_id"), name="one_sum_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.marketplace_id} {self.day}"


LONGEST_DAYS = 1095  # of lead time and target cover: three years
LONGEST_TAG = 64


class SkuTag(models.Model):
    """What people call some SKUs of a platform, such as those of one supplier, and the days that are planned with for
    those among them that have none of their own."""

    # It has no index of its own: that of the constraint begins with it.
    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="sku_tags", db_index=False)
    name = ExactCharField(_("tag"), max_length=LONGEST_TAG)
    # NULL: what PLANNING_LEAD_DAYS and PLANNING_TARGET_DAYS say.
    lead_days = models.PositiveIntegerField(_("lead time"), null=True)
    target_days = models.PositiveIntegerField(_("target cover"), null=True)

    class Meta:
        db_table = "sku_tags"
        ordering = ("name", "platform")
        default_permissions = ()
        verbose_name = _("tag of SKUs")
        verbose_name_plural = _("tags of SKUs")
        constraints = [models.UniqueConstraint(fields=("platform", "name"), name="one_sku_tag_per_name")]

    def __str__(self) -> str:
        return self.name


class SkuSettings(models.Model):
    """What people set for a SKU of a platform, whatever marketplaces list it: to plan its stock, and to find it on the
    shelf. Also for SKUs of which no stock is stored, such as those that the seller ships. A sync never touches it."""

    # It has no index of its own: that of the constraint begins with it.
    platform = models.ForeignKey(
        Platform, on_delete=models.CASCADE, related_name="sku_settings", db_index=False
    )
    sku = ExactCharField(_("SKU"), max_length=255)
    # NULL: what PLANNING_LEAD_DAYS and PLANNING_TARGET_DAYS say.
    lead_days = models.PositiveIntegerField(
        _("lead time"), null=True, blank=True, validators=[MaxValueValidator(LONGEST_DAYS)],
        help_text=_("Days from an order at your supplier until the units can be sold."),
    )  # fmt: skip
    target_days = models.PositiveIntegerField(
        _("target cover"), null=True, blank=True, validators=[MaxValueValidator(LONGEST_DAYS)],
        help_text=_("For how many more days the stock should last when a delivery arrives."),
    )  # fmt: skip
    unit_cost = models.DecimalField(
        _("unit cost"),
        max_digits=18,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )
    cost_currency = models.CharField(_("currency of the cost"), max_length=3, blank=True, default="")
    bin = models.CharField(
        _("bin"), max_length=64, blank=True, default="", help_text=_("Where it lies; pick lists go by it.")
    )
    # Such as its supplier: a SkuTag of the platform has this name.
    tag = ExactCharField(_("tag"), max_length=LONGEST_TAG, blank=True, default="", db_default="")

    class Meta:
        db_table = "sku_settings"
        ordering = ("sku", "platform")
        default_permissions = ()
        verbose_name = _("settings of a SKU")
        verbose_name_plural = _("settings of SKUs")
        constraints = [models.UniqueConstraint(fields=("platform", "sku"), name="one_setting_per_sku")]
        # Pick lists ask for SKUs, whatever platform they are of.
        indexes = [models.Index(fields=("sku",), name="setting_sku")]

    def __str__(self) -> str:
        return self.sku


class PlannedSku(models.Model):
    """The stock of a SKU of a platform over all its marketplaces, beside what was sold of it lately.

    The scheduler counts it (integrations/lookup/planning.py), so that a list of it can be sorted and filtered by
    whatever it shows. NULL is not known.
    """

    platform = models.ForeignKey(
        Platform, on_delete=models.CASCADE, related_name="planned_skus", db_index=False
    )
    source = models.CharField(_("source"), max_length=8, choices=Source.choices)
    sku = ExactCharField(_("SKU"), max_length=255)
    # Whose picture is shown: of the stock, or else of what was sold.
    asin = ExactCharField(_("ASIN"), max_length=32, blank=True, default="", db_default="")
    title = models.TextField(_("title"), blank=True, default="")
    # Rows of stock, of which units that several marketplaces share count once; 0: no stock is stored of it.
    listings = models.PositiveIntegerField(_("marketplaces"), default=0)
    available = models.BigIntegerField(_("available"), null=True)
    inbound = models.BigIntegerField(_("inbound"), null=True)
    sold_7 = models.BigIntegerField(_("sold in 7 days"), null=True)
    sold_30 = models.BigIntegerField(_("sold in 30 days"), null=True)
    sold_90 = models.BigIntegerField(_("sold in 90 days"), null=True)
    cover_days = models.BigIntegerField(_("days of cover"), null=True)
    lead_days = models.PositiveIntegerField(_("lead time"))
    target_days = models.PositiveIntegerField(_("target cover"))
    reorder = models.BigIntegerField(_("reorder"), null=True)
    tag = ExactCharField(_("tag"), max_length=LONGEST_TAG, blank=True, default="", db_default="")
    # A list of many thousand SKUs is not read to count these.
    is_late = models.BooleanField(_("runs out before a delivery"), default=False)
    is_dead = models.BooleanField(_("dead stock"), default=False)

    class Meta:
        db_table = "planned_skus"
        ordering = ("-reorder", "-id")
        default_permissions = ()
        verbose_name = _("planned SKU")
        verbose_name_plural = _("planned SKUs")
        constraints = [
            models.UniqueConstraint(fields=("platform", "source", "sku"), name="one_plan_per_sku"),
        ]
        # One for each column that the list is sorted by, with what the list is sorted by then.
        indexes = [
            models.Index(fields=("reorder", "id"), name="planned_reorder"),
            models.Index(fields=("sku", "id"), name="planned_sku"),
            models.Index(fields=("available", "id"), name="planned_available"),
            models.Index(fields=("cover_days", "id"), name="planned_cover"),
            models.Index(fields=("sold_7", "id"), name="planned_sold_7"),
            models.Index(fields=("sold_30", "id"), name="planned_sold_30"),
            models.Index(fields=("sold_90", "id"), name="planned_sold_90"),
            models.Index(fields=("is_dead", "is_late"), name="planned_states"),
            models.Index(fields=("tag", "reorder", "id"), name="planned_tag"),
        ]

    def __str__(self) -> str:
        return self.sku


class PlanningState(models.Model):
    """When the planned SKUs of a platform were last counted, and since when its orders are known."""

    platform = models.OneToOneField(
        Platform, on_delete=models.CASCADE, related_name="planning_state", primary_key=True
    )
    counted_at = models.DateTimeField(_("counted"))
    seconds = models.FloatField(default=0.0)  # that counting took
    # NULL: nothing is known of its orders.
    orders_since = models.DateTimeField(_("orders are known since"), null=True)

    class Meta:
        db_table = "planning_states"
        default_permissions = ()
        verbose_name = _("state of the planning")
        verbose_name_plural = _("states of the planning")

    def __str__(self) -> str:
        return str(self.platform_id)
