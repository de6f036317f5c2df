"""The pages of the admin. Importing a room's module registers its pages; Django looks for them here."""

from backoffice.audit import admin as audit
from backoffice.inventory import admin as inventory
from backoffice.orders import admin as orders
from backoffice.packing import admin as packing
from backoffice.planning import admin as planning
from backoffice.platforms import admin as platforms
from backoffice.privacy import admin as privacy
from backoffice.privacy import erasures
from backoffice.syncs import admin as syncs
from backoffice.syncs import failures, usage
from backoffice.users import admin as users
from backoffice.users import tokens
from backoffice.webhooks import admin as webhooks

__all__ = [
    "audit",
    "erasures",
    "failures",
    "inventory",
    "orders",
    "packing",
    "planning",
    "platforms",
    "privacy",
    "syncs",
    "tokens",
    "usage",
    "users",
    "webhooks",
]
