#!/usr/bin/env python
"""Django's command line, for this project."""

import os
import sys

from core.closed_pipes import bear_closed_pipes


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oms.settings")
    bear_closed_pipes()
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"OMS cannot start: {error}")
    except Exception as error:
        from oms.database_messages import explanation

        sentences = explanation(error)
        if sentences is None or "--traceback" in sys.argv:
            raise
        sys.exit(sentences)


if __name__ == "__main__":
    main()
