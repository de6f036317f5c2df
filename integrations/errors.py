"""The errors between OMS and a platform, sorted by what to do next.

    PlatformError
    ├── TransientError        try again later: outage, timeout, broken answer
    │   ├── RateLimited       try again after `retry_after` seconds
    │   └── Interrupted       access was refused on a later page
    ├── AuthenticationError   refused: where it lasts, a person must act: wrong or revoked credentials
    ├── AuthorizationError    refused: where it lasts, a person must act: a role or consent is missing
    ├── ConfigError           a person must act: api_config is missing or malformed, a library is missing
    ├── RequestRefused        the platform refuses the request itself; repeating it does not help
    │   └── ShipmentRefused   it does not take a package; `code` says why
    └── MalformedRecord       costs that one record

`code` is stable: scripts may compare it. `str(error)` is a sentence for people. Neither ever holds a secret.
"""

from typing import Any, ClassVar


class PlatformError(Exception):
    """Base class. `request_id` is the platform's own id of the failed call, which its support asks for.

    `more_codes` lists what `code` may be beside `default_code`, where rows are judged by it (`codes_of`).
    `perhaps_done`: of what was asked for, which may have been done all the same, by this call or by one before it
    whose answer was lost.
    """

    default_code = "platform_error"
    more_codes: ClassVar[frozenset[str]] = frozenset()
    perhaps_done = False

    def __init__(
        self, message: str, *, code: str = "", request_id: str = "", status: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code or self.default_code
        self.request_id = request_id
        self.status = status


class TransientError(PlatformError):
    """`retry_after`: the platform asks not to be called again for so many seconds; 0.0 where it says nothing."""

    default_code = "unavailable"

    def __init__(self, message: str, *, retry_after: float = 0.0, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after


class RateLimited(TransientError):
    """The quota is used up; `retry_after` seconds later there is some again. `by_platform`: a call was made and
    refused, so what we knew of the quota was wrong, and what the answer says of it may be."""

    default_code = "rate_limited"

    def __init__(
        self, message: str, *, retry_after: float, request_id: str = "", by_platform: bool = False
    ) -> None:
        super().__init__(message, retry_after=retry_after, request_id=request_id, status=429)
        self.by_platform = by_platform


class Interrupted(TransientError):
    """Access was refused in the middle of a run for which it had been given: that passes by itself."""

    default_code = "interrupted"


class AuthenticationError(PlatformError):
    """Its codes are the error words of a token endpoint (RFC 6749, 5.2), and a few that platforms add."""

    default_code = "authentication"
    more_codes = frozenset(
        {
            "access_denied",
            "invalid_client",
            "invalid_grant",
            "invalid_request",
            "invalid_scope",
            "secret_expired",
            "token_expired",
            "token_rejected",
            "unauthorized_client",
            "unsupported_grant_type",
        }
    )


class AuthorizationError(PlatformError):
    default_code = "forbidden"


class ConfigError(PlatformError):
    """`fields` names each wrong field of api_config with what is wrong with it."""

    default_code = "config"
    more_codes = frozenset({"unreadable_credentials"})

    def __init__(self, message: str, *, code: str = "", fields: dict[str, str] | None = None) -> None:
        super().__init__(message, code=code)
        self.fields = fields or {}


class RequestRefused(PlatformError):
    default_code = "refused"


class ShipmentRefused(RequestRefused):
    """The platform does not take the package as it was told of it. Its codes:

    already_shipped        all of the order is shipped already: perhaps by the very package, where its answer was lost,
                           so the order has to be read before anybody calls it refused
    cancelled              the order, or the line, is cancelled
    not_shippable          the order is not ready to be shipped yet (pending), or no longer
    fulfilled_by_platform  the platform ships it itself (FBA)
    buy_shipping           its label was bought from the platform, which knows of the shipment
    unknown_line           a line is not of this order
    bad_quantity           more units than are left, or none
    bad_date               the ship time is before the order, in the future, or unreadable
    bad_carrier            the carrier's code, its name or the service is not one that the platform takes
    bad_tracking_number    the tracking number is not one that the platform takes
    bad_package_number     the package's number is not one that the platform takes
    no_more_edits          it knows the package, and takes no more changes of it: the order has to be read, too
    unit_codes             the product needs a code for each unit, or these are wrong
    not_found              there is no such order in this account and marketplace
    refused                anything else: the sentence has the platform's own words
    """

    more_codes = frozenset(
        {
            "already_shipped",
            "bad_carrier",
            "bad_date",
            "bad_package_number",
            "bad_quantity",
            "bad_tracking_number",
            "buy_shipping",
            "cancelled",
            "fulfilled_by_platform",
            "no_more_edits",
            "not_found",
            "not_shippable",
            "unit_codes",
            "unknown_line",
        }
    )


class MalformedRecord(PlatformError):
    """`payload` is the record as it came, without personal data; empty where that is not known."""

    default_code = "malformed"

    def __init__(self, message: str, *, payload: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.payload = payload or {}


def codes_of(*families: type[PlatformError]) -> frozenset[str]:
    """Every code that errors of these classes carry, to judge a row by its error_code. Subclasses have no
    others, but for ShipmentRefused, which no run ends with."""
    return frozenset().union(*({family.default_code, *family.more_codes} for family in families))


# Codes of runs that were refused. CONFIG: by us, since what is stored cannot be used, which a person has to change; a
# library that is missing is none of these. ACCESS: the credentials themselves are good. What a platform refuses may
# be an outage of theirs, so it is only suspected that a person has to act (schedule/due.py).
CONFIG_CODES = codes_of(ConfigError)
TOKEN_CODES = frozenset(
    {"token_expired", "token_rejected"}
)  # a call was refused, for which the login gave a token
ACCESS_CODES = codes_of(AuthorizationError)
REFUSED_CODES = codes_of(AuthenticationError) | ACCESS_CODES | CONFIG_CODES


class BadInput(ValueError):
    """An input cannot be used, and nothing was changed. `field` is the option or parameter."""

    code = "invalid"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
