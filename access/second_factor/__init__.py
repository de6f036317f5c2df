"""A code from an app (TOTP, RFC 6238) beside the password, recovery codes, and confirming anew that it is oneself.

models.py what is stored; codes.py the codes themselves; checking.py whether one is right; factors.py adding and
removing; policy.py who needs one; sessions.py what a session has passed; middleware.py and users.py who that makes the
user of a request.
"""
