"""SHIPPING, from the package on the desk to the proof that the platform knows of it. Read it in this order:

rules         whether an order can be shipped as somebody wants it; each reason not to has a code and a sentence
policy        whether OMS writes to a platform at all, rehearses, or is stopped; switching changes that
making        shipments are made, one or many; with each its entry in the outbox, in one transaction
labels        a label that others bought is not used: the seller ships all the same
correcting    another tracking number, another try, another mind
outbox        which entry is sent next
attempts      an attempt begins, and is settled by what came of it
turns         one worker a platform
sending       it sends what is due, through connections
reading_back  what no sync has shown in time is looked up; the proof itself is orders/shipments.py
queue         the workers are told, and the scheduler tells them again
"""
