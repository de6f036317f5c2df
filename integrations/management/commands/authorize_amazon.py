import getpass
import secrets
import sys
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.core.management.base import CommandParser
from django.urls import reverse

from core.addresses import public_address
from integrations.channel import Consent, Granted
from integrations.errors import ConfigError, PlatformError
from integrations.lookup.consent import consent_of, site_of_consent, take_consent
from integrations.management.base import FAILED, OmsCommand, platform_named, wrong_usage
from platforms.models import Platform


class Command(OmsCommand):
    help = (
        "Have a seller authorise the application on Amazon's pages, and store the token that comes of it.\n\n"
        "Prints an address. Open it, sign in as the owner of the selling account, and confirm. Amazon then sends the\n"
        "browser to an address with a code: paste that address here within five minutes. What is stored is replaced\n"
        "only if the new token works.\n\n"
        "For a public app, or a draft of one (AMAZON_APPLICATION_ID); a private app is authorised by hand, see\n"
        "docs/amazon-setup.md."
    )
    examples = (
        "examples:\n"
        "  manage.py authorize_amazon amazon\n"
        "  manage.py authorize_amazon amazon-de --marketplace A1PA6795UKMFR9\n\n"
        "exit status:\n"
        "  0  authorised, and stored\n"
        "  1  refused; what is stored stays\n"
        "  2  wrong usage; nothing was changed\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("platform", metavar="PLATFORM", help="its name")
        parser.add_argument(
            "--marketplace",
            metavar="ID",
            default="",
            help="where none is stored: whose Seller Central to ask",
        )

    def run(self, options: dict[str, Any], /) -> None:
        platform = platform_named(options["platform"])
        consent = _offered_for(platform)
        site = site_of_consent(platform, consent) or options["marketplace"]
        # Without PUBLIC_URL, Amazon takes the address that is registered first.
        state, back = (
            secrets.token_urlsafe(32),
            public_address(reverse("admin:platforms_platform_authorised")),
        )
        try:
            self.result(consent.page(site, state, back))
            self.say("Open this address, confirm, and paste the address to which Amazon sends you.")
            account = take_consent(platform, site, _granted(consent, state), back)
        except ConfigError as error:
            wrong_usage(f"{error} Nothing was changed.")
        except PlatformError as error:
            self.warn(f"{error} What is stored stays as it is.")
            sys.exit(FAILED)
        self.stdout.write(f"{platform.name}: authorised for the seller {account}, and stored.")
        self.say(f"Then: manage.py check_platform {platform.name}")


def _offered_for(platform: Platform) -> Consent:
    consent = consent_of(platform) if platform.kind == "amazon" else None
    if consent is None:
        wrong_usage(f"{platform.name} is no platform of Amazon's; nothing was changed.")
    if not consent.is_offered():
        wrong_usage(
            "AMAZON_APPLICATION_ID is not set. With a public app, set it. A private app is authorised by hand: "
            f"{' '.join(map(str, consent.steps))} Nothing was changed."
        )
    return consent


def _granted(consent: Consent, state: str) -> Granted:
    """Raises PlatformError, ConfigError where the address is no answer to ours."""
    pasted = getpass.getpass("Address (not shown): ") if sys.stdin.isatty() else sys.stdin.readline()
    grant = consent.read(dict(parse_qsl(urlsplit(pasted.strip()).query)))
    if not secrets.compare_digest(grant.state.encode(), state.encode()):
        raise ConfigError("This address answers another request than the one above. Begin again.")
    return grant
