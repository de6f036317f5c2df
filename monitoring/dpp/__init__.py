"""Evidence for Amazon's Data Protection Policy: what it asks of a private developer, and how this installation stands.

`controls` is the list, `installation` looks at settings and database, `report` writes both down. It is evidence for
people who judge, and judges nothing itself: the policy in force decides.
"""
