"""`manage.py … | head -1`: a reader who leaves is no failure of the command, whichever it is.

This module imports no Django: manage.py asks for it before anything else.
"""

import os
import sys
from contextlib import suppress
from typing import Any, TextIO, cast


class Patient:
    """A stream that may lose its reader; what is written then is thrown away. Otherwise as the stream itself."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._let_go()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._let_go()

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _let_go(self) -> None:
        """Send the rest to nowhere: Python would complain when it flushes a stream of the process at its end."""
        with suppress(OSError, ValueError):  # not one of the process
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


def bear_closed_pipes() -> None:
    """From now on, for all that this process prints. The command does all that it would have done, and exits as it
    would have."""
    sys.stdout, sys.stderr = cast(TextIO, Patient(sys.stdout)), cast(TextIO, Patient(sys.stderr))
