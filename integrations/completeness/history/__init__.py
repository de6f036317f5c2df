"""The orders of months that were never read: first as the platform's lists know them, then each in full.

backfills    one run from the request to its end: opened, worked on, paused, resumed, cancelled; claim: who works on it
listing      the lists: asked for, waited for, stored; gathering: a list's rows by order; prices: whether a list's
             prices include the tax
completing   each order in full, by pages and by ids side by side; split: which orders come by which
put_off      orders that the platform did not answer for, while it answered for others
failures     orders that could not be had
progress     how far it is, and when it will be done; plans: what it would take, before it begins
queue        backfills in the background
"""
