"""System checks of the project's own."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning

from audit.syslog import server_at
from integrations.registry import CHANNELS
from oms.hosts import HOST, ORIGIN
from oms.private_files import others_may_read


@register()
def check_channels(**_: Any) -> list[CheckMessage]:
    """What each channel finds wrong with the settings that are its own."""
    return [problem for channel in CHANNELS.values() for problem in channel.check_settings()]


@register()
def check_static_root(**_: Any) -> list[CheckMessage]:
    """The folder that `collectstatic` fills; the settings make it wherever the source tree may be written."""
    if settings.STATIC_ROOT.is_dir():
        return []
    return [
        CheckWarning(
            f"The folder of the static files is missing and cannot be made: {settings.STATIC_ROOT}.",
            hint="Run `manage.py collectstatic --no-input` once, as a user who may write the source tree, or while "
            "an image is built. Until then, pages are served with uncompressed static files.",
            id="oms.W001",
        )
    ]


@register()
def check_sqlite_file(**_: Any) -> list[CheckMessage]:
    """The file of SQLite, where a person chose its place and permissions."""
    database = settings.DATABASES["default"]
    file = Path(str(database["NAME"]))
    if database["ENGINE"] != "django.db.backends.sqlite3" or not others_may_read(file):
        return []
    return [
        CheckWarning(
            f"Every user of this machine can read the database: {file}.",
            hint=f"It holds sessions, which make anybody an admin who reads them. Run: chmod 600 {file}*",
            id="oms.W004",
        )
    ]


@register()
def check_syslog(**_: Any) -> list[CheckMessage]:
    """Over UDP nobody hears what gets lost, so nobody could be told of it."""
    if not settings.AUDIT_SYSLOG or server_at(settings.AUDIT_SYSLOG).transport != "udp":
        return []
    return [
        CheckWarning(
            "The audit is shipped over UDP (AUDIT_SYSLOG): what gets lost there counts as shipped, and nobody hears.",
            hint="Use tls:// or tcp://, where an entry counts as shipped once the server has read it.",
            id="oms.W015",
        )
    ]


@register()
def check_fonts(**_: Any) -> list[CheckMessage]:
    """Without one of its files, PDFs have a sign in the place of its letters."""
    return [
        CheckWarning(
            f"A font of PDF_FONT_FALLBACK cannot be used: {path} ({problem}).",
            hint="Name the whole path of a TrueType or OpenType font, such as that of Debian's fonts-droid-fallback: "
            "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
            id="oms.W016",
        )
        for path in settings.PDF_FONT_FALLBACK
        if (problem := _problem_of_font(path))
    ]


def _problem_of_font(path: str) -> str:
    from fontTools.ttLib import TTFont, TTLibError  # only where somebody asks for a font

    try:
        with Path(path).open("rb") as file, TTFont(file, fontNumber=0, lazy=True) as font:
            return "" if font.getBestCmap() else "it has no letters"
    except OSError as error:
        return error.strerror or str(error)
    except TTLibError:
        return "it is no font"


@register()
def check_breached_passwords(**_: Any) -> list[CheckMessage]:
    """Without its file no password can be set: whoever runs OMS hears of it before whoever wants to change one. Syncs
    go on without it."""
    name = settings.PASSWORD_BREACHED_LIST
    if not name:
        return []
    try:
        with Path(name).open("rb") as file:
            file.read(1)
    except OSError as error:
        return [
            CheckWarning(
                f"PASSWORD_BREACHED_LIST names a file that cannot be read: {name} ({error.strerror}).",
                hint="Until it can, no password can be set. Make it readable for the user that OMS runs as, or leave "
                "the setting empty.",
                id="oms.W013",
            )
        ]
    return []


@register()
def check_hosts(**_: Any) -> list[CheckMessage]:
    """Each host and origin is one that a request can come with; a typo would lock everybody out without a message."""
    problems: list[CheckMessage] = [
        Error(
            f"ALLOWED_HOSTS has {host!r}, which is no host name that a browser can ask for.",
            hint="Write names like oms.example, .oms.example (with all below it), 127.0.0.1 or [::1], "
            "separated by commas.",
            id="oms.E003",
        )
        for host in settings.ALLOWED_HOSTS
        if not HOST.fullmatch(host)
    ]
    problems += [
        Error(
            f"CSRF_TRUSTED_ORIGINS has {origin!r}, which is no origin that a browser sends.",
            hint="Write scheme and host like https://oms.example, https://*.oms.example or http://10.0.0.5:8000, "
            "separated by commas.",
            id="oms.E004",
        )
        for origin in settings.CSRF_TRUSTED_ORIGINS
        if not ORIGIN.fullmatch(origin)
    ]
    return problems
