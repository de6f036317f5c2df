"""What goes wrong, and when.

base      what a fault may touch, and where it is asked          rules     rules that count calls
kinds     the faults that a rule can name                        parsing   rules as the command line writes them
"""
