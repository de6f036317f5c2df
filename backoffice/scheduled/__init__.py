"""Exports that are made again and again by themselves, and sent by e-mail, into a folder or into a store.

models        what is exported when and where to, and each run of it
calendar      the next time, by a clock of some zone
catalogue     what can be exported, and with which filters, days and columns
people        who sees and changes which
queue         the scheduler's part: what is due, and what a worker lost
runs          the worker's part: one run from its claim to its end
making        the file of a run, as its owner would get it
destinations  where it goes: e-mail, a folder, a store (s3)
wording       all of that in words
forms, admin  its pages
"""
