"""The admin pages of the integrations.

sync_log      the list and the page of syncs        progress      how an open sync comes along, live
failures      records that could not be stored      sync_dialog   what "Sync from Amazon" asks and starts
usage         API calls by hour, and quotas         panels        what stands beside the form of a platform
lookup        "Where is my order?"                  parts         how a sync looks wherever one is shown
filters       filters that several lists share
"""

from integrations.admin import failures, sync_log, usage

__all__ = ["failures", "sync_log", "usage"]  # imported, they register their pages
