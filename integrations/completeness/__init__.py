"""Whether every order that a platform has is here: lists of orders, made on request, are compared with what is stored.

records      orders as a list reports them, and as they are stored
rules        known differences between the two: each has a name, and none is an alarm
audits       one run from the request to its end; claim: who works on it; closing: its figures and days
spool        the rows of a list, put in order on disk; stored: what the database has
comparing    a list against what is stored; healing: what is amiss is fetched, and compared again
comparison   what one is to the other: the same, missing, stale, different; or here alone, and why
"""
