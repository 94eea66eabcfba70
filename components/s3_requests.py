"""Requests to S3 through boto3, tried again where that may help. Imported when first asked for: boto3 takes its time and memory."""

import logging
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)

from components.errors import InputError, SetupError

logger = logging.getLogger(__name__)

_ATTEMPTS = 7
_PAUSE = 1.0  # seconds before the second attempt, doubled each time
# A large file goes up in pieces: at most some 100 MB of it are in memory, whatever its size.
TRANSFER = TransferConfig(multipart_threshold=16 * 2**20, multipart_chunksize=8 * 2**20, max_concurrency=4)
# Refusals of the moment; all others with a status below 500 are for good.
_PASSING = {"RequestTimeout", "IncompleteBody", "BadDigest", "SlowDown", "TooManyRequests", "408", "429"}
_T = TypeVar("_T")


@lru_cache(maxsize=1)
def client() -> Any:
    """Of this process; it may be used by several threads. Single requests, pieces of a file among them, it tries three times."""
    return boto3.session.Session().client("s3", config=Config(retries={"mode": "standard"}))


def tried(action: Callable[[], _T], failure: str, mend: str) -> _T:
    """What an action gives, tried several times with growing pauses unless it is refused for good.

    Args:
        action: makes the requests.
        failure: what to say if it fails.
        mend: and what may help then.

    Raises:
        InputError: if it is refused.
        SetupError: if it fails again and again.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return action()
        except (BotoCoreError, ClientError, ValueError) as error:
            if _is_final(error):
                raise InputError(f"{failure}: {error}; {mend}") from error
            if attempt == _ATTEMPTS:
                raise SetupError(
                    f"{failure} after {attempt} attempts: {error}; {mend}, and run it again: what is finished is kept"
                ) from error
            logger.warning("%s, attempt %d (%s)", failure, attempt, error)
            time.sleep(_PAUSE * 2 ** (attempt - 1))
    raise AssertionError


def raise_refusals(answer: dict[str, Any]) -> None:
    """Raises the first error that S3 reports in the answer to a deletion that it calls a success."""
    for error in answer.get("Errors", [])[:1]:
        status = 403 if error.get("Code") == "AccessDenied" else 500
        said = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": status}}
        raise ClientError(said, f"DeleteObjects ({error.get('Key')})")


def _is_final(error: Exception) -> bool:
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        return 400 <= status < 500 and str(error.response["Error"].get("Code")) not in _PASSING
    return isinstance(error, (NoCredentialsError, PartialCredentialsError, ParamValidationError, ValueError))
