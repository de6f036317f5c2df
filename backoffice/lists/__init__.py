"""What every list of the admin has around its rows, by one mechanism (OmsAdmin uses all of it).

tabs     views of a list that most readers need, with bounded counts that are loaded after the page
facets   its filters as fields of a panel, and as chips of what is asked for
days     presets of days, such as `last_7_days`, in the reader's time zone
"""
