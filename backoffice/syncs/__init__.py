"""Syncs in the admin.

admin         the list and the page of syncs        progress      the state of an open sync, updated while one looks
failures      records that could not be stored      sync_dialog   what the button to sync asks and starts
usage         API calls by hour, and quotas         health        how well syncs went in the last days
presentation  how a sync looks wherever one is shown
"""
