"""Whether all stock that a platform has is here: its lists of stock are compared with the rows that sweeps stored.

records      quantities of a listing, from either side
rules        known differences between the two, and why a listing is not as its list says: each has a name
comparison   what a listed SKU is to the stored rows: the same, different, missing; or here alone
audits       one run from the request to its end; closing: its figures and marketplaces; failures: what could not be
             healed, for people
comparing    a list against what is stored; healing: what is amiss is read by name, and compared again
stored       what the database has; queue: how audits of stock are begun and worked on
"""
