"""Puts a file into an S3-compatible store. The only module that imports boto3, which is not installed everywhere:
requirements-s3.txt."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, BinaryIO

from django.conf import settings

from backoffice.scheduled.problems import NotSent, Problem

MiB = 2**20
WHOLE = 64 * MiB  # larger files go in parts, which become an object with the last one, or never
# What a person has to put right: trying again asks the same.
FOR_A_PERSON = (
    "AccessDenied", "AllAccessDisabled", "AuthorizationHeaderMalformed", "EntityTooLarge", "ExpiredToken",
    "InvalidAccessKeyId", "InvalidBucketName", "InvalidRegion", "MethodNotAllowed", "NoSuchBucket", "NotImplemented",
    "PermanentRedirect", "RequestTimeTooSkewed", "SignatureDoesNotMatch", "UnauthorizedAccess",
    "400", "401", "403", "404", "405",
)  # fmt: skip


def is_installed() -> bool:
    return find_spec("boto3") is not None


def put(file: BinaryIO, *, key: str, content_type: str, keep: Callable[[], None]) -> None:
    """Store the file under this key, whole or not at all. `keep` is called while it goes, and may raise, which ends it.
    Raises NotSent."""
    from boto3.exceptions import S3UploadFailedError
    from boto3.s3.transfer import TransferConfig
    from botocore.exceptions import BotoCoreError, ClientError

    transfer = TransferConfig(multipart_threshold=WHOLE, multipart_chunksize=WHOLE, use_threads=False)
    try:
        _client().upload_fileobj(
            file,
            settings.EXPORTS_STORE_BUCKET,
            key,
            ExtraArgs={"ContentType": content_type},
            Config=transfer,
            Callback=lambda _sent: keep(),
        )
    except ClientError as error:
        raise _of_answer(error.response) from None
    except S3UploadFailedError as error:
        cause = error.__cause__ or error.__context__
        raise (
            _of_answer(cause.response) if isinstance(cause, ClientError) else _unreachable(error)
        ) from None
    except BotoCoreError as error:
        raise _unreachable(error) from None


def _client() -> Any:
    """Made anew for each file: keys of a role run out."""
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=10,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": 3},
        s3={"addressing_style": "path" if settings.EXPORTS_STORE_PATH_STYLE else "auto"},
        # Stores that are only compatible do not all know the checksums that newer clients send by themselves.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.session.Session().client(
        "s3",
        endpoint_url=settings.EXPORTS_STORE_ENDPOINT or None,
        region_name=settings.EXPORTS_STORE_REGION or None,
        aws_access_key_id=settings.EXPORTS_STORE_ACCESS_KEY or None,
        aws_secret_access_key=settings.EXPORTS_STORE_SECRET_KEY or None,
        config=config,
    )


def _of_answer(answer: Any) -> NotSent:
    """The store's code and request id; its message may repeat keys and signatures."""
    about = answer.get("ResponseMetadata", {})
    code = str(answer.get("Error", {}).get("Code", ""))[:64]
    words = [code or "?", f"HTTP {about.get('HTTPStatusCode', '?')}"]
    if request_id := str(about.get("RequestId") or "")[:64]:
        words.append(f"request {request_id}")
    return NotSent(Problem.STORE_REFUSED if code in FOR_A_PERSON else Problem.STORE, ", ".join(words))


def _unreachable(error: Exception) -> NotSent:
    """No answer, or no credentials: by its class alone, since the text has addresses and more in it."""
    name = type(error).__name__
    is_for_a_person = name in (
        "NoCredentialsError",
        "PartialCredentialsError",
        "ParamValidationError",
        "NoRegionError",
    )
    return NotSent(Problem.STORE_REFUSED if is_for_a_person else Problem.STORE, name)
