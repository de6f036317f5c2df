"""Whether every order that a platform has is here: lists of orders, made on request, are compared with what is stored.

records      orders as a list reports them, and as they are stored
rules        known differences between the two: each has a name, and none is an alarm
audits       one run from the request to its end; claim: who works on it; cost: the calls and the quota that it took
opening      how a run is opened, one at a time; lists: how lists are asked for, and earlier ones used
closing      its end: its figures, and what became of each day (days), until when that is without a gap (proof)
of_order     what audits know of one order
standing     what of audits wants a person
failures     what could not be healed, for people
dispatch     how workers come by it, as by other jobs; queue: audits among them
spool        the rows of a list by order, on disk where they are many; stored: what the database has
comparing    a list against what is stored; healing: what is amiss is fetched, and compared again; windows: many
             of one time, by pages
comparison   what one is to the other: the same, missing, stale, different; or here alone, and why
"""
