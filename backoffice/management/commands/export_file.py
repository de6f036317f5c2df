"""`manage.py export_file`: a file of a list or report, from cron."""

from contextlib import closing
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone, translation

from backoffice.export.unattended import NoFile, export_for, send_to, write_into
from core.dates import ForgivingZone
from integrations.management.base import FAILED, OmsCommand, wrong_usage


class Command(OmsCommand):
    help = (
        "Export a list or a report as a user would in the admin, into a folder or to the user by e-mail.\n\n"
        "FILE is what the menu Export of a list offers: orders, order-lines, packages, inventory, sales,\n"
        "sales-taxes and others, with .xlsx, .csv or .machine.csv. It has what this user may see."
    )
    examples = (
        "examples:\n"
        "  manage.py export_file orders.xlsx --user ada --filters 'purchased_at_in=yesterday' --folder /srv/files\n"
        "  manage.py export_file sales.xlsx --user ada --filters 'in=last_month' --email\n\n"
        "exit status:\n"
        "  0  done\n"
        "  1  it broke off; there is no file\n"
        "  2  wrong usage; nothing was written\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="such as orders.xlsx")
        parser.add_argument("--user", required=True, help="whose permissions and platforms hold")
        parser.add_argument(
            "--filters",
            default="",
            help="what follows the ? in the address of the list, as somebody filtered it",
        )
        parser.add_argument("--folder", help="the file is written there, under a name with the time")
        parser.add_argument("--email", action="store_true", help="the file is sent to the user")
        parser.add_argument(
            "--time-zone", default=settings.TIME_ZONE, help="of days and times (default: that of OMS)"
        )
        parser.add_argument(
            "--language", default=settings.LANGUAGE_CODE, choices=[code for code, _name in settings.LANGUAGES]
        )

    def run(self, options: dict[str, Any], /) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            wrong_usage(f"--user: there is no user {options['user']!r}. Nothing was written.")
        if bool(options["folder"]) == options["email"]:
            wrong_usage("Take either --folder or --email. Nothing was written.")
        if options["email"] and not settings.EMAIL_IS_ON:
            wrong_usage("--email: EMAIL_URL is not set. Nothing was sent.")
        folder = Path(options["folder"] or ".")
        if not folder.is_dir():
            wrong_usage(f"--folder: there is no folder {folder}. Nothing was written.")
        try:
            zone = ForgivingZone(options["time_zone"])
        except (ZoneInfoNotFoundError, ValueError):
            wrong_usage(f"--time-zone: there is no {options['time_zone']!r}. Nothing was written.")
        with timezone.override(zone), translation.override(options["language"]):
            try:
                name, pieces = export_for(user, options["file"], options["filters"])
            except NoFile as refused:
                wrong_usage(f"{refused} Nothing was written.")
            with closing(pieces):
                self._hand_over(user, folder, options, name, pieces)

    def _hand_over(self, user: User, folder: Path, options: dict[str, Any], name: str, pieces: Any) -> None:
        try:
            if options["email"]:
                send_to(user, name, pieces)
                self.stdout.write(f"{name} was sent to {user}.")
            else:
                self.stdout.write(f"{write_into(folder, name, pieces)}")
        except (NoFile, OSError) as error:  # of the disk, or of the mail server
            raise CommandError(f"There is no file: {error}", returncode=FAILED) from error
