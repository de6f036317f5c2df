"""The audit: who did what, when, from where, by which way in, and what was different afterwards.

`recording.record` writes an entry in the transaction of what it is about. `chain` links the entries, so that one that
was changed or taken away shows. `watching` writes entries for models whose rows people change.
"""
