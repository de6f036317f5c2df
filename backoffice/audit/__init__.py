"""The audit in the admin: the list of entries, and the history of one object."""
