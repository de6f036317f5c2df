"""FIELD_ENCRYPTION_KEY_COMMAND: a command that prints the key or keys, such as the client of a KMS or of Vault."""

import re
import shlex
import subprocess

from django.core.exceptions import ImproperlyConfigured

NAME = "FIELD_ENCRYPTION_KEY_COMMAND"
TIMEOUT = 30.0  # seconds; nothing of OMS starts meanwhile


def keys_printed_by(command: str, *, timeout: float = TIMEOUT) -> str:
    """What `command` prints, keys separated by commas.

    It is split like a line of a shell, and run without one: no pipes, variables or wildcards. Raises
    ImproperlyConfigured where it cannot be started, fails, prints nothing or takes more than `timeout` seconds; never
    with anything that it printed, which may be a key.
    """
    try:
        words = shlex.split(command)
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        raise _problem(f"did not end within {timeout:g} seconds") from None
    except OSError as error:
        raise _problem(f"cannot be started ({error.strerror})") from None
    except ValueError:  # a quote that is not closed
        raise _problem("is not understood: write it like a command line, with its quotes closed") from None
    if done.returncode:
        raise _problem(f"failed with exit status {done.returncode}")
    try:
        keys = [key for key in re.split(r"[\s,]+", done.stdout.decode("ascii")) if key]
    except UnicodeDecodeError:
        keys = []
    if not keys:
        raise _problem("printed no key")
    return ",".join(keys)


def _problem(what: str) -> ImproperlyConfigured:
    """Without the command itself: a token may stand in it."""
    return ImproperlyConfigured(
        f"The command in {NAME} {what}, so OMS cannot read its credentials and does not start. What the command "
        "printed is not repeated, since it may be a key. Run it by hand, as the user that OMS runs as and with the "
        "same environment: it must print one Fernet key a line, or several with commas between them."
    )
