"""The admin, one package for each subject.

base         what all pages share: lists, filters, cells, charts, language and time zone
alerts       what people are told of, and who is
home         the home page            orders       orders, "Where is my order?"
inventory    stock                    platforms    accounts, credentials, connection check
completeness whether all orders are here: days, audits, what they found
syncs        sync log, failures, API usage and quotas
users        users, groups, API tokens
export       any list as CSV or XLSX
"""
