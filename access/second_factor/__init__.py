"""What somebody shows beside the password: a code from an app (TOTP, RFC 6238), a passkey (WebAuthn), a recovery code;
and confirming anew that it is oneself.

models.py what is stored; codes.py the codes themselves; checking.py whether one is right; relying_party.py,
challenges.py, ceremony.py and passkeys.py passkeys; factors.py adding and removing; policy.py who needs one;
sessions.py what a session has passed; middleware.py and users.py who that makes the user of a request.
"""
