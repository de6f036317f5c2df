"""The image's health check: does the web process of this container answer? `python -m scripts.healthcheck`

Needs nothing installed and loads no settings, since it runs twice a minute. Exit status 0 or 1.
"""

import http.client
import os
import sys

from oms.hosts import hosts

PORT = 8000  # where the image's command listens
SECONDS = 4


def host() -> str:
    """A name that OMS answers to: the first of ALLOWED_HOSTS as OMS reads it, without the dot of "any subdomain"."""
    name = next(iter(hosts(os.environ.get("ALLOWED_HOSTS", ""))), "").lstrip(".")
    return "localhost" if name in ("", "*") else name


def main() -> int:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=SECONDS)
    try:
        connection.request("GET", "/healthz", headers={"Host": host()})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        sys.stderr.write(f"The web process does not answer on port {PORT}: {error}\n")
        return 1
    finally:
        connection.close()
    if status != http.HTTPStatus.OK:
        sys.stderr.write(f"/healthz answers {status} to the host name {host()} (from ALLOWED_HOSTS).\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
