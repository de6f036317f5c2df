"""Where a file goes. Each is there whole or not at all, and safe to repeat: a file of the same run takes the place of
the one before, and who has got an e-mail gets no second one.

Each takes the pieces of the file, and calls `keep` while it works and right before what cannot be taken back; `keep`
raises where the run is not ours any more.
"""

import hashlib
import os
import re
import smtplib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice.export.unattended import MOST_MAILED, Pieces
from backoffice.export.views import TYPES
from backoffice.scheduled import s3
from backoffice.scheduled.models import ScheduledExport, ScheduledExportRun
from backoffice.scheduled.problems import NotSent, Problem
from core.addresses import public_address
from core.format import grouped

To = ScheduledExport.To
Keep = Callable[[], None]
FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """`pieces` make the file when they are asked for; `rows` says afterwards how many it has, None for not known."""

    name: str
    pieces: Pieces
    rows: Callable[[], int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """`place` is "" where nothing was sent, since the file has no rows."""

    place: str
    size: int
    rows: int | None


def offered() -> dict[str, bool]:
    """Which of them are set up."""
    return {
        To.EMAIL: settings.EMAIL_IS_ON,
        To.FOLDER: bool(settings.EXPORTS_FOLDER),
        To.STORE: bool(settings.EXPORTS_STORE_BUCKET),
    }


def check(export: ScheduledExport) -> None:
    """Raises NotSent where this export cannot go where it should, before its file is made."""
    if export.destination == To.EMAIL:
        if not settings.EMAIL_IS_ON:
            raise NotSent(Problem.EMAIL_OFF)
        if refused := [address for address in export.recipients if not is_allowed(address)]:
            raise NotSent(Problem.ADDRESS_NOT_ALLOWED, ", ".join(refused))
    elif export.destination == To.FOLDER:
        _folder_of(export)
    elif not settings.EXPORTS_STORE_BUCKET:
        raise NotSent(Problem.STORE_OFF, "EXPORTS_STORE_BUCKET")
    elif not s3.is_installed():
        raise NotSent(Problem.STORE_OFF, "pip install -r requirements-s3.txt")


def is_allowed(address: str) -> bool:
    """By EXPORTS_EMAIL_DOMAINS."""
    domains = settings.EXPORTS_EMAIL_DOMAINS
    return not domains or address.rpartition("@")[2].lower() in domains


def deliver(export: ScheduledExport, run: ScheduledExportRun, made: Made, keep: Keep) -> Sent:
    """Raises NotSent, and whatever `keep` raises."""
    deliverers = {To.EMAIL: _send, To.FOLDER: _write, To.STORE: _store}
    return deliverers[To(export.destination)](export, run, made, keep)


# --- a folder


def _folder_of(export: ScheduledExport) -> Path:
    """Below EXPORTS_FOLDER, whatever links somebody has put there. Raises NotSent."""
    root = Path(settings.EXPORTS_FOLDER)
    if not settings.EXPORTS_FOLDER or not root.is_dir():
        raise NotSent(Problem.FOLDER_OFF, settings.EXPORTS_FOLDER)
    folder = Path(os.path.realpath(root / export.folder))
    is_name = not export.folder or FOLDER_NAME.fullmatch(export.folder)
    if not is_name or not folder.is_relative_to(os.path.realpath(root)):
        raise NotSent(Problem.FOLDER_OUTSIDE, export.folder)
    return folder


def _make_folder(folder: Path) -> None:
    """With those above it; the group of each, which it has from the one above where that is marked so, may enter."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        folder.chmod(folder.stat().st_mode & 0o7000 | 0o750)


def _write(export: ScheduledExport, run: ScheduledExportRun, made: Made, keep: Keep) -> Sent:
    """Under its name once it is whole. The group of the folder may read it, nobody else, whatever the umask is."""
    folder = _folder_of(export)
    mine = f".oms-{run.pk}-"
    part = folder / f"{mine}{run.lease_token}.part"
    try:
        _make_folder(folder)
        for left in folder.glob(f"{mine}*.part"):  # by a worker that was killed over this run
            left.unlink(missing_ok=True)
        with os.fdopen(
            os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o640), "wb"
        ) as file:
            os.fchmod(file.fileno(), 0o640)
            size = 0
            for piece in made.pieces:
                keep()
                size += file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        if export.skips_empty and made.rows() == 0:
            return Sent(place="", size=0, rows=0)
        keep()
        part.replace(folder / made.name)
    except OSError as error:
        raise NotSent(Problem.DISK, error.strerror or type(error).__name__) from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return Sent(place=str(folder / made.name), size=size, rows=made.rows())


# --- an S3-compatible store


def _store(export: ScheduledExport, _run: ScheduledExportRun, made: Made, keep: Keep) -> Sent:
    """By way of a file of this host without a name: what is sent is whole, and its length is known."""
    key = "/".join(filter(None, (settings.EXPORTS_STORE_PREFIX, export.folder, made.name)))
    try:
        with TemporaryFile() as file:
            for piece in made.pieces:
                keep()
                file.write(piece)
            size = file.tell()
            if export.skips_empty and made.rows() == 0:
                return Sent(place="", size=0, rows=0)
            file.seek(0)
            keep()
            s3.put(file, key=key, content_type=TYPES[export.format], keep=keep)
    except OSError as error:
        raise NotSent(Problem.DISK, error.strerror or type(error).__name__) from None
    return Sent(place=f"s3://{settings.EXPORTS_STORE_BUCKET}/{key}", size=size, rows=made.rows())


# --- e-mail


def _send(export: ScheduledExport, run: ScheduledExportRun, made: Made, keep: Keep) -> Sent:
    """A message to each address: of one to all of them, a server may refuse some and say nothing. Who has got it is
    noted at once, and left out where it is tried again."""
    content = bytearray()
    for piece in made.pieces:
        keep()
        content += piece
        if len(content) > MOST_MAILED:
            raise NotSent(Problem.TOO_LARGE, str(MOST_MAILED // 2**20))
    rows = made.rows()
    if export.skips_empty and rows == 0:
        return Sent(place="", size=0, rows=0)
    refused = []
    for address in export.recipients:
        if address in run.delivered:
            continue
        keep()
        try:
            _message(export, run, made.name, bytes(content), rows, address).send()
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, ValueError):
            refused.append(address)
        except (smtplib.SMTPException, OSError) as error:  # of the server: the others need not be tried now
            code = getattr(error, "smtp_code", "")
            raise NotSent(Problem.MAIL, f"{type(error).__name__} {code}".strip()) from None
        else:
            run.delivered = [*run.delivered, address]
            run.save(update_fields=["delivered"])
    if refused:
        raise NotSent(Problem.ADDRESS_REFUSED, ", ".join(refused))
    return Sent(place=", ".join(export.recipients)[:512], size=len(content), rows=rows)


def _message(
    export: ScheduledExport,
    run: ScheduledExportRun,
    name: str,
    content: bytes,
    rows: int | None,
    address: str,
) -> EmailMessage:
    """With the same Message-ID whenever it is tried: who is sent it twice after all, sees it once."""
    host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ") or "localhost"
    one = hashlib.blake2b(
        f"{run.pk} {address}".encode(), key=settings.SECRET_KEY.encode()[:64], digest_size=12
    )
    lines = [_("This is the scheduled export “%(name)s” of OMS.") % {"name": export.name}]
    if rows is not None:
        lines.append(_("Rows: %(rows)s") % {"rows": grouped(rows)})
    lines.append(_("It is sent at the request of %(owner)s.") % {"owner": export.owner})
    if page := public_address(reverse("admin:oms_scheduledexport_change", args=[export.pk])):
        lines.append(page)
    headers = {"Message-ID": f"<{one.hexdigest()}@{host}>", "Auto-Submitted": "auto-generated"}
    mail = EmailMessage(f"OMS: {export.name}", "\n".join(lines) + "\n", to=[address], headers=headers)
    mail.attach(name, content, TYPES[export.format].partition(";")[0])
    return mail
