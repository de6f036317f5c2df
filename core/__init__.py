"""What every app may use. It imports no app.

database     bulk writes, retries, errors in plain words, fields
encryption   the encrypted columns
money        amounts and their currencies
outcome      what storing a batch did
"""
