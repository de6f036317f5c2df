from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import connection
from django.utils import timezone

from core.database.backup import SUFFIXES, BackupFailed, back_up, encryption_to
from integrations.management.base import OmsCommand

RESTORE = {
    "sqlite": "stop OMS, put the file in the place of the database and delete its -wal and -shm files",
    "mysql": "stop OMS, make an empty database (CHARACTER SET utf8mb4) and run: mariadb NAME < {file}",
    "postgresql": "stop OMS, make an empty database and run: pg_restore --no-owner --dbname=NAME {file}",
}
DECRYPT = {
    ".age": "age --decrypt -i KEY -o {plain} {file}",
    ".gpg": "gpg --output {plain} --decrypt {file}",
}


class Command(OmsCommand):
    help = (
        "Write the whole database to one file, while OMS runs.\n\n"
        "The file is as it was at one moment, and its owner alone may read it. It holds credentials and buyer\n"
        "data encrypted; without the key (FIELD_ENCRYPTION_KEY) they cannot be read, so keep a copy of that\n"
        "key, in another place."
    )
    examples = (
        "examples:\n"
        "  manage.py backup_database                       under var/backups/, named after the time\n"
        "  manage.py backup_database /backups/oms.sqlite3  to this file, which must not be there yet\n"
        "  manage.py backup_database --encrypt-to age1…    encrypted, with age; it is on no disk in clear\n"
        "  manage.py backup_database --encrypt-to ops@shop.example   with gpg, to a key in its key ring\n\n"
        "docs/operations.md says how to restore it.\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", metavar="FILE", help="where to write it; a new file")
        parser.add_argument(
            "--encrypt-to",
            action="append",
            metavar="RECIPIENT",
            help="a public key of age (age1…) or SSH, or a key of gpg; several times for several. Without it, "
            "BACKUP_ENCRYPT_TO",
        )

    def run(self, options: dict[str, Any], /) -> None:
        recipients: list[str] = options["encrypt_to"] or settings.BACKUP_ENCRYPT_TO
        try:
            suffix = encryption_to(recipients).suffix if recipients else ""
            target = Path(options["file"]).absolute() if options["file"] else _default(suffix)
            back_up(connection, target, recipients)
        except (BackupFailed, OSError) as error:
            raise CommandError(f"There is no back-up. {error}") from None
        self.stdout.write(f"Wrote {target} ({target.stat().st_size / 1e6:.1f} MB).")
        plain = target
        if suffix:
            plain = (
                target.with_suffix("")
                if target.suffix == suffix
                else target.with_name(f"{target.name}.plain")
            )
            self.say(f"Decrypt it where it is restored: {DECRYPT[suffix].format(file=target, plain=plain)}")
        self.say(f"To restore it: {RESTORE[connection.vendor].format(file=plain)}.")
        self.say("It needs the FIELD_ENCRYPTION_KEY of now; keep that in another place.")


def _default(suffix: str) -> Path:
    name = f"oms-{timezone.now():%Y%m%d-%H%M%S}{SUFFIXES[connection.vendor]}{suffix}"
    return Path(settings.BASE_DIR) / "var" / "backups" / name
