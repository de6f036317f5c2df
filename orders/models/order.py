"""Order, its items, and the buyer's data, which has a table of its own."""

from collections.abc import Iterable

from django.conf import settings
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.database.fields import ExactCharField
from core.encryption import EncryptedJSONField, SecretDict
from platforms.models import Platform, Source


class OrderQuerySet(models.QuerySet["Order"]):
    def business(self, source: str = Source.LIVE) -> "OrderQuerySet":
        """Orders of one source, live ones as a rule: what may be counted and totalled together."""
        return self.filter(source=source)

    def to_ship(self) -> "OrderQuerySet":
        """What the seller has to ship; see Order.is_to_ship."""
        return self.filter(Order.is_to_ship_when())

    def cancellation_asked(self) -> "OrderQuerySet":
        """The buyer asks to cancel, and it is not too late."""
        early = (Order.Status.PENDING, Order.Status.UNSHIPPED, Order.Status.PARTIALLY_SHIPPED)
        return self.filter(status__in=early, buyer_requested_cancellation=True)


class Order(models.Model):
    class Status(models.TextChoices):
        PENDING = "pending", _("pending")
        UNSHIPPED = "unshipped", _("unshipped")
        PARTIALLY_SHIPPED = "partially_shipped", _("partially shipped")
        SHIPPED = "shipped", _("shipped")
        CANCELLED = "cancelled", _("cancelled")
        UNFULFILLABLE = "unfulfillable", _("unfulfillable")
        UNKNOWN = "unknown", _("unknown")

    # A pending order is not paid for yet.
    TO_SHIP = (Status.UNSHIPPED, Status.PARTIALLY_SHIPPED)
    OPEN = (Status.PENDING, *TO_SHIP)

    class FulfilledBy(models.TextChoices):
        MERCHANT = "merchant", _("merchant")
        PLATFORM = "platform", _("platform")

    class Completeness(models.TextChoices):
        """REPORT: the order is known by a list of orders alone (records.ReportedLine). What such a list does not say is
        not known; ids of lines are ours (reported.py). OUTDATED: it was here in full, and a list has a newer version,
        of which its status and its units are; all else is as it was, and lines have the platform's ids."""

        FULL = "full", _("full")
        REPORT = "report", _("known by report alone")
        OUTDATED = "outdated", _("newer by report")

    # Their details are still to be fetched.
    WITHOUT_DETAILS = (Completeness.REPORT, Completeness.OUTDATED)

    # It has no index of its own: some of those below begin with it.
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="orders", db_index=False)
    external_id = ExactCharField(_("order id"), max_length=128)
    status = models.CharField(_("status"), max_length=24, choices=Status.choices, default=Status.UNKNOWN)
    platform_status = models.CharField(_("status on the platform"), max_length=64, blank=True, default="")
    purchased_at = models.DateTimeField(_("purchased"))
    platform_updated_at = models.DateTimeField(_("changed on the platform"))
    marketplace_id = ExactCharField(_("marketplace"), max_length=32, blank=True, default="")
    fulfilled_by = models.CharField(
        _("fulfilled by"), max_length=16, choices=FulfilledBy.choices, blank=True, default=""
    )
    service_level = models.CharField(_("service level"), max_length=64, blank=True, default="")
    ship_by = models.DateTimeField(_("ship by"), null=True, blank=True)
    deliver_by = models.DateTimeField(_("deliver by"), null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True, default="")
    total = models.DecimalField(_("total"), max_digits=18, decimal_places=4, null=True, blank=True)
    tax = models.DecimalField(_("tax"), max_digits=18, decimal_places=4, null=True, blank=True)
    # NULL, and not "": with a default, SQLite writes the whole table again.
    invoice_status = models.CharField(_("invoice"), max_length=255, null=True, blank=True)
    # The country alone, which is kept when the buyer's data is deleted. NULL: the platform never said it.
    ship_to_country = models.CharField(_("ship-to country"), max_length=2, null=True, blank=True)
    programs = models.JSONField(_("programs"), default=list, blank=True)
    replaced_order_id = ExactCharField(_("replaces order"), max_length=128, blank=True, default="")
    buyer_requested_cancellation = models.BooleanField(_("buyer asks to cancel"), default=False)
    # Never NULL. It may be, since SQLite would write the whole table again for a column that may not; and for a default
    # that is no Value.
    completeness = models.CharField(
        _("completeness"),
        max_length=8,
        choices=Completeness.choices,
        db_default=models.Value(Completeness.FULL.value),
        null=True,
    )
    source = models.CharField(_("source"), max_length=8, choices=Source.choices)
    payload = models.JSONField(_("payload without personal data"), default=dict, blank=True)
    content_hash = models.CharField(max_length=64, editable=False)
    synced_at = models.DateTimeField(_("stored"))

    objects = OrderQuerySet.as_manager()

    class Meta:
        db_table = "orders"
        ordering = ("-purchased_at", "-id")
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        constraints = [
            models.UniqueConstraint(fields=("platform", "external_id"), name="order_unique_per_platform"),
        ]
        indexes = [
            # The list, newest first, and the API's cursor. With all that the list filters by: any combination of
            # filters is answered from this index alone, in order, without a look at the rows (orders/listing.py).
            models.Index(
                fields=(
                    "-purchased_at",
                    "-id",
                    "status",
                    "platform",
                    "marketplace_id",
                    "fulfilled_by",
                    "source",
                    "buyer_requested_cancellation",
                    "ship_by",
                    "platform_updated_at",
                    "synced_at",
                    "completeness",
                ),
                name="order_newest",
            ),
            # The API's cursor with a platform filter.
            models.Index(fields=("platform", "-purchased_at", "-id"), name="order_newest_of_platform"),
            # The API's updated_after/updated_before and synced_after/synced_before, and both orders of its list.
            models.Index(fields=("platform_updated_at",), name="order_changed"),
            models.Index(fields=("synced_at",), name="order_synced"),
            # What is to be shipped, by when.
            models.Index(fields=("status", "ship_by"), name="order_to_ship"),
            # Mock and sandbox rows that the first live sync deletes; and the few whose buyers ask to cancel. The
            # platform comes first: SQLite, which knows nothing of its rows until somebody has it count them (ANALYZE),
            # would use an index that begins with the source for whatever asks for live orders, and read them all.
            models.Index(fields=("platform", "source", "buyer_requested_cancellation"), name="order_source"),
            # Orders whose details are still to be fetched, newest first, and how many they are.
            models.Index(
                fields=("platform", "completeness", "-purchased_at", "-id"), name="order_completeness"
            ),
        ]

    def __str__(self) -> str:
        return self.external_id

    @property
    def is_full(self) -> bool:
        """Whether the platform was asked for the order as it is now; see Completeness."""
        return self.completeness not in self.WITHOUT_DETAILS

    @classmethod
    def is_to_ship_when(cls, path: str = "") -> models.Q:
        """The condition of `is_to_ship` in a query, where `path` leads to the order: `picks__order__`."""
        sellers = (cls.FulfilledBy.MERCHANT, "")
        return models.Q((f"{path}status__in", cls.TO_SHIP), (f"{path}fulfilled_by__in", sellers))

    @property
    def is_to_ship(self) -> bool:
        """Whether the seller has to ship it and has not yet."""
        return self.status in self.TO_SHIP and self.fulfilled_by != self.FulfilledBy.PLATFORM

    @property
    def quantity_left(self) -> int | None:
        """Units of all lines that still have to be shipped; None where a line does not say. Reads the items."""
        return units_left(item.quantity_left for item in self.items.all())

    @property
    def items_to_ship(self) -> list["OrderItem"]:
        """The lines of which something is left to ship, or of which that is not known. Reads the items."""
        return [item for item in self.items.all() if item.units_to_ship != 0]


def units_left(of_lines: Iterable[int | None]) -> int | None:
    """Units that still have to be shipped of an order with these lines; None where one of them does not say."""
    left = list(of_lines)
    known = [units for units in left if units is not None]
    return sum(known) if known and len(known) == len(left) else None


class OrderItem(models.Model):
    # It has no index of its own: that of the constraint begins with it.
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="items", db_index=False)
    # Text, with its leading zeros; the same id has been seen in two sellers' orders, hence unique per order.
    external_id = ExactCharField(_("item id"), max_length=128)
    sku = ExactCharField(_("SKU"), max_length=255, blank=True, default="")
    asin = ExactCharField(_("ASIN"), max_length=32, blank=True, default="")
    title = models.TextField(_("title"), blank=True, default="")
    quantity_ordered = models.IntegerField(_("ordered"), null=True, blank=True)
    quantity_shipped = models.IntegerField(_("shipped"), null=True, blank=True)
    quantity_left = models.IntegerField(_("left to ship"), null=True, blank=True)
    unit_price = models.DecimalField(_("unit price"), max_digits=18, decimal_places=4, null=True, blank=True)
    total = models.DecimalField(_("total"), max_digits=18, decimal_places=4, null=True, blank=True)
    tax = models.DecimalField(_("tax"), max_digits=18, decimal_places=4, null=True, blank=True)
    shipping = models.DecimalField(_("shipping"), max_digits=18, decimal_places=4, null=True, blank=True)
    discount = models.DecimalField(_("discount"), max_digits=18, decimal_places=4, null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True, default="")
    # NULL where nothing is said, like all columns that came later: with a default, SQLite writes the whole table again.
    # What the platform lists as the amount of the goods, and as anything else but tax, shipping and discount.
    item_subtotal = models.DecimalField(
        _("item amount"), max_digits=18, decimal_places=4, null=True, blank=True
    )
    other_charges = models.DecimalField(
        _("gift wrap and other charges"), max_digits=18, decimal_places=4, null=True, blank=True
    )
    tax_model = models.CharField(_("tax model"), max_length=255, null=True, blank=True)
    tax_responsible_party = models.CharField(_("tax is paid by"), max_length=255, null=True, blank=True)
    tax_scheme = models.CharField(_("tax scheme"), max_length=255, null=True, blank=True)
    # Parts of `tax`, as the platform lists them.
    item_tax = models.DecimalField(_("item tax"), max_digits=18, decimal_places=4, null=True, blank=True)
    shipping_tax = models.DecimalField(
        _("shipping tax"), max_digits=18, decimal_places=4, null=True, blank=True
    )
    gift_wrap_tax = models.DecimalField(
        _("gift wrap tax"), max_digits=18, decimal_places=4, null=True, blank=True
    )
    discount_tax = models.DecimalField(
        _("discount tax"), max_digits=18, decimal_places=4, null=True, blank=True
    )

    class Meta:
        db_table = "order_items"
        ordering = ("id",)
        verbose_name = _("order item")
        verbose_name_plural = _("order items")
        constraints = [
            models.UniqueConstraint(fields=("order", "external_id"), name="item_unique_per_order"),
        ]
        indexes = [
            # The search, which needs to know the orders alone.
            models.Index(fields=("sku", "order"), name="item_sku"),
            models.Index(fields=("asin", "order"), name="item_asin"),
        ]

    def __str__(self) -> str:
        return self.sku or self.external_id

    @property
    def units_to_ship(self) -> int | None:
        """What is left to ship; where the platform does not say, what was ordered."""
        return self.quantity_ordered if self.quantity_left is None else self.quantity_left


class OrderPackage(models.Model):
    """A package of an order that the merchant ships, as the platform last listed it."""

    # It has no index of its own: that of the constraint begins with it.
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="packages", db_index=False)
    external_id = ExactCharField(_("package id"), max_length=255)
    carrier = models.CharField(_("carrier"), max_length=255, blank=True, default="")
    shipping_service = models.CharField(_("shipping service"), max_length=255, blank=True, default="")
    tracking_number = ExactCharField(_("tracking number"), max_length=255, blank=True, default="")
    status = models.CharField(_("status"), max_length=255, blank=True, default="")
    detailed_status = models.CharField(_("detailed status"), max_length=255, blank=True, default="")
    packed_at = models.DateTimeField(_("packed"), null=True, blank=True)
    shipped_at = models.DateTimeField(_("shipped"), null=True, blank=True)
    # {"item": external_id of the line, "quantity": units or null}
    contents = models.JSONField(_("contents"), default=list, blank=True)
    # Somebody said that nobody uses this label, which others bought: who, when, and what the platform said of it then.
    unused_since = models.DateTimeField(null=True, editable=False)
    unused_by = models.CharField(max_length=150, db_default="", editable=False)
    unused_status = models.CharField(max_length=511, db_default="", editable=False)

    class Meta:
        db_table = "order_packages"
        ordering = ("id",)
        verbose_name = _("package")
        verbose_name_plural = _("packages")
        constraints = [
            models.UniqueConstraint(fields=("order", "external_id"), name="package_unique_per_order"),
        ]
        indexes = [
            # The search, which needs to know the orders alone.
            models.Index(fields=("tracking_number", "order"), name="package_tracking"),
        ]

    def __str__(self) -> str:
        return self.tracking_number or self.external_id

    @property
    def all_status(self) -> str:
        """All that the platform says of how far it is."""
        return f"{self.status} {self.detailed_status}"

    @property
    def is_unused(self) -> bool:
        """Whether somebody said so, and the platform says nothing else of it since: then it may be under way."""
        return self.unused_since is not None and self.unused_status == self.all_status


class OrderedProduct(models.Model):
    """What the search for words reads instead of the title of every item: each SKU with each of its titles, once.

    `words` is the title casefolded, followed by the same without accents where that differs. Written together with the
    items (orders/products.py), never deleted.
    """

    key = models.CharField(max_length=32, primary_key=True, editable=False)  # digest of SKU and words
    sku = ExactCharField(_("SKU"), max_length=255)
    words = models.TextField(_("title"))

    class Meta:
        db_table = "ordered_products"
        verbose_name = _("ordered product")
        verbose_name_plural = _("ordered products")

    def __str__(self) -> str:
        return self.sku


class OrderChange(models.Model):
    """What one sync changed in an order that was stored already. Without personal data; deleted with the order.

    `changes`: [field, old, new] for the order itself, [field, old, new, line] for one of its lines, as text, null for
    what is not known. A line that came or went is "added" or "removed", with its quantity. Fields of packages begin
    with "package_", and name the package in the place of the line. Empty where the platform reported something new that
    is kept in the payload alone.
    """

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="changes")
    # integrations.SyncLog, which is above this app; NULL where a person had the order stored.
    sync_log_id = models.BigIntegerField(_("sync"), null=True, blank=True)
    changed_at = models.DateTimeField(_("stored"))
    platform_updated_at = models.DateTimeField(_("changed on the platform"))
    changes = models.JSONField(_("changes"), default=list)

    class Meta:
        db_table = "order_changes"
        ordering = ("-id",)
        verbose_name = _("change of an order")
        verbose_name_plural = _("changes of orders")

    def __str__(self) -> str:
        return f"{self.order_id} {self.changed_at:%Y-%m-%d %H:%M}"


class OrderBuyer(models.Model):
    """Personal data of an order's buyer, see records.BuyerRecord: encrypted, with a date on which it is deleted.

    Read with the permission orders.view_orderbuyer alone; the admin records each reading.
    """

    order = models.OneToOneField(Order, on_delete=models.CASCADE, related_name="buyer", primary_key=True)
    data = EncryptedJSONField(_("data"), default=SecretDict)
    purge_after = models.DateTimeField(_("deleted after"), db_index=True)
    # Finds the orders of one e-mail address without the address; "" where there is none, NULL where it is not known.
    email_digest = models.CharField(max_length=64, null=True, blank=True, editable=False, db_index=True)

    class Meta:
        db_table = "order_buyers"
        verbose_name = _("buyer data")
        verbose_name_plural = _("buyer data")

    def __str__(self) -> str:
        return str(self.order_id)


class BuyerDataEnd(models.Model):
    """The buyer data of an order was deleted for good: whatever the platform sends later, none is stored again.

    Holds no personal data itself.
    """

    class Why(models.TextChoices):
        DUE = "due", _("its time had come")
        CANCELLED = "cancelled", _("the order was cancelled")
        ERASED = "erased", _("erased on request")

    order = models.OneToOneField(
        Order, on_delete=models.CASCADE, related_name="buyer_data_end", primary_key=True
    )
    ended_at = models.DateTimeField(_("deleted"))
    why = models.CharField(_("why"), max_length=16, choices=Why.choices)

    class Meta:
        db_table = "order_buyer_ends"
        default_permissions = ()
        verbose_name = _("end of buyer data")
        verbose_name_plural = _("ends of buyer data")

    def __str__(self) -> str:
        return str(self.order_id)


class LegalHold(models.Model):
    """Nothing of an order, or of all orders of a platform, is deleted until this ends: neither buyer data, nor old
    orders. It does not let anything be stored that would not be stored without it."""

    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="legal_holds")
    order = models.ForeignKey(
        Order, on_delete=models.CASCADE, related_name="legal_holds", null=True, blank=True,
        help_text=_("Empty for all orders of the platform."),
    )  # fmt: skip
    reason = models.CharField(
        _("reason"), max_length=500, help_text=_("Without names or addresses of buyers: the audit keeps it.")
    )
    until = models.DateTimeField(_("until"))
    made_by = models.CharField(_("made by"), max_length=150, blank=True, default="", editable=False)
    made_at = models.DateTimeField(_("made"), auto_now_add=True)

    class Meta:
        db_table = "legal_holds"
        ordering = ("-id",)
        verbose_name = _("legal hold")
        verbose_name_plural = _("legal holds")

    def __str__(self) -> str:
        """The id of the order, or the name of the platform; that of the row where it is deleted along with the hold."""
        if self.order_id:
            names = Order.objects.filter(pk=self.order_id).values_list("external_id", flat=True)
            return names.first() or str(self.order_id)
        named = Platform.objects.filter(pk=self.platform_id).values_list("name", flat=True)
        return named.first() or str(self.platform_id)


class Erasure(models.Model):
    """The receipt of an erasure on request: what was asked for, and of how many orders data was erased.

    Neither the address that was searched for nor the orders that were found are kept: they would say again whose these
    were. Without foreign keys, as entries of the audit: it outlives the platform.
    """

    class Scope(models.TextChoices):
        ORDER = "order", _("an order")
        EMAIL = "email", _("an e-mail address")
        PLATFORM = "platform", _("a platform")

    number = models.CharField(_("receipt"), max_length=16, unique=True, editable=False)
    scope = models.CharField(_("of"), max_length=8, choices=Scope.choices)
    # The order's id, or the platform's name; "" of an address.
    about = models.CharField(_("order or platform"), max_length=128, blank=True, default="")
    # The platforms that were searched; NULL for all, as of ApiToken.
    platform_ids = models.JSONField(null=True, blank=True)
    orders = models.PositiveIntegerField(_("orders"), default=0)
    held = models.PositiveIntegerField(_("kept by a legal hold"), default=0)
    not_searched = models.PositiveIntegerField(_("could not be searched"), default=0)
    reason = models.CharField(_("reason"), max_length=500, blank=True, default="")
    made_by = models.CharField(_("made by"), max_length=150, blank=True, default="")
    started_at = models.DateTimeField(_("begun"))
    # Whether the scheduler goes on with it until it is finished, and up to which row of OrderBuyer it has come.
    in_background = models.BooleanField(default=False, editable=False)
    through = models.BigIntegerField(default=0, editable=False)
    # NULL: it goes on, or was interrupted. What is counted is erased; asking again goes on.
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        db_table = "erasures"
        ordering = ("-id",)
        default_permissions = ("view",)
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")

    def __str__(self) -> str:
        return self.number


class PickList(models.Model):
    """Orders that one person picks and packs in one go."""

    made_by = models.CharField(_("made by"), max_length=150)
    made_at = models.DateTimeField(_("made"), auto_now_add=True)

    class Meta:
        db_table = "pick_lists"
        ordering = ("-id",)
        default_permissions = ("view",)
        permissions = [("pack_order", "Can pick and pack orders")]
        verbose_name = _("pick list")
        verbose_name_plural = _("pick lists")

    def __str__(self) -> str:
        return gettext("Pick list %(number)s") % {"number": self.pk}


class Pick(models.Model):
    """An order on a pick list. `open_key` is the id of the order until it is put back: nobody else can pick it
    meanwhile, which is a constraint of the database that holds on MySQL too."""

    pick_list = models.ForeignKey(PickList, on_delete=models.CASCADE, related_name="picks")
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="picks")
    picked_at = models.DateTimeField(_("picked"), null=True, blank=True)
    picked_by = models.CharField(_("picked by"), max_length=150, blank=True, default="")
    packed_at = models.DateTimeField(_("packed"), null=True, blank=True)
    packed_by = models.CharField(_("packed by"), max_length=150, blank=True, default="")
    open_key = models.BigIntegerField(unique=True, null=True, blank=True, editable=False)

    class Meta:
        db_table = "picks"
        ordering = ("id",)
        default_permissions = ()
        verbose_name = _("order on a pick list")
        verbose_name_plural = _("orders on pick lists")
        constraints = [models.UniqueConstraint(fields=("pick_list", "order"), name="pick_unique_per_list")]

    def __str__(self) -> str:
        return str(self.order_id)

    @property
    def is_to_pack(self) -> bool:
        """Whether it is in hand and not packed, and there is something to ship. Reads the order."""
        return self.open_key is not None and self.packed_at is None and self.order.is_to_ship

    @property
    def is_done_elsewhere(self) -> bool:
        """Whether it is in hand and was not packed, and is not to be shipped any more: shipped by another way, or
        cancelled. Reads the order."""
        return self.open_key is not None and self.packed_at is None and not self.order.is_to_ship


class OrderNote(models.Model):
    """What somebody wrote about an order. It is kept as long as the order; erasing the buyer's data erases it."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="notes")
    text = models.TextField(_("note"))
    written_by = models.CharField(_("written by"), max_length=150)
    written_at = models.DateTimeField(_("written"), auto_now_add=True)

    class Meta:
        db_table = "order_notes"
        ordering = ("id",)
        default_permissions = ("add",)
        verbose_name = _("note of an order")
        verbose_name_plural = _("notes of orders")

    def __str__(self) -> str:
        return str(self.pk)


class OrderMention(models.Model):
    """Somebody was named in a note, and has not opened the order since while `seen_at` is NULL."""

    # It has no index of its own: that of the constraint begins with it.
    note = models.ForeignKey(OrderNote, on_delete=models.CASCADE, related_name="mentions", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "order_mentions"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=("note", "user"), name="mention_unique_per_note")]

    def __str__(self) -> str:
        return str(self.pk)


class OrderTag(models.Model):
    """A word that people put on an order. The list finds the orders that have it."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="tags", db_index=False)
    name = ExactCharField(_("tag"), max_length=40)

    class Meta:
        db_table = "order_tags"
        ordering = ("name",)
        default_permissions = ()
        verbose_name = _("tag of an order")
        verbose_name_plural = _("tags of orders")
        constraints = [models.UniqueConstraint(fields=("order", "name"), name="tag_unique_per_order")]
        indexes = [models.Index(fields=("name", "order"), name="order_tag_name")]

    def __str__(self) -> str:
        return self.name


class OrderAssignment(models.Model):
    """Who takes care of an order."""

    order = models.OneToOneField(Order, on_delete=models.CASCADE, related_name="assignment", primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    assigned_at = models.DateTimeField(_("assigned"), auto_now=True)

    class Meta:
        db_table = "order_assignments"
        default_permissions = ()
        verbose_name = _("assignment of an order")
        verbose_name_plural = _("assignments of orders")

    def __str__(self) -> str:
        return str(self.order_id)
