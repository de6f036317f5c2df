"""The pages of the admin. Importing a room's module registers its pages; Django looks for them here."""

from backoffice.audit import admin as audit
from backoffice.completeness import admin as completeness
from backoffice.inventory import admin as inventory
from backoffice.orders import admin as orders
from backoffice.packing import admin as packing
from backoffice.planning import admin as planning
from backoffice.platforms import admin as platforms
from backoffice.privacy import admin as privacy
from backoffice.privacy import erasures
from backoffice.scheduled import admin as scheduled
from backoffice.shipping import admin as shipping
from backoffice.syncs import admin as syncs
from backoffice.syncs import failures, usage
from backoffice.users import admin as users
from backoffice.users import tokens
from backoffice.webhooks import admin as webhooks

__all__ = [
    "audit",
    "completeness",
    "erasures",
    "failures",
    "inventory",
    "orders",
    "packing",
    "planning",
    "platforms",
    "privacy",
    "scheduled",
    "shipping",
    "syncs",
    "tokens",
    "usage",
    "users",
    "webhooks",
]
