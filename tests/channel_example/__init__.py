"""Corner Shop: a channel of another kind, complete and small. CONTRIBUTING.md says how to add one, and this is one.

It is a shop of the seller's own: found by its address, opened with a key, without marketplaces, and with a stream that
no other channel has (returns). tests/test_other_channel.py registers it and drives it through all of OMS.
"""
