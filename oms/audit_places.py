"""Where the audit is shipped to, as the environment says it."""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from audit.syslog import server_at


def audit_log(value: str) -> str:
    """The value of AUDIT_LOG: "stdout", the full path of a file, or "". Raises ImproperlyConfigured otherwise."""
    if value and value != "stdout" and not Path(value).is_absolute():
        raise ImproperlyConfigured(
            f"AUDIT_LOG is {value!r}; it takes stdout, the full path of a file such as /var/log/oms/audit.jsonl, or "
            "nothing."
        )
    return value


def audit_syslog(url: str) -> str:
    """The value of AUDIT_SYSLOG. Raises ImproperlyConfigured for what is no address of a syslog server."""
    try:
        if url:
            server_at(url)
    except ValueError:
        raise ImproperlyConfigured(
            f"AUDIT_SYSLOG is {url!r}; write it like tls://logs.example:6514, tcp://logs.example:601 or "
            "udp://logs.example:514; ?ca=/path/to/ca.pem behind tls:// names an authority of your own."
        ) from None
    return url
