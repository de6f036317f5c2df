"""What goes wrong, and when.

base      the interface, and what a fault may change              rules     rules that count calls
kinds     the faults that a rule can name                        parsing   rules as the command line writes them
pages     more of them: rows and pages that contradict others      hiding    orders that no page shows
reports   what can go wrong with reports
"""
