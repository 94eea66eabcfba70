"""Another attempt at what may fail for the moment, after a pause that doubles each time."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from components.redaction import redact

logger = logging.getLogger(__name__)

_PAUSE = 1.0  # seconds before the second attempt
_T = TypeVar("_T")


class GaveUp(Exception):
    """An action failed for good: `attempts` were made, and the last one raised `error`."""

    def __init__(self, error: Exception, attempts: int) -> None:
        super().__init__(error, attempts)
        self.error, self.attempts = error, attempts


def retry(
    action: Callable[[], _T],
    attempts: int,
    name: str,
    is_final: Callable[[Exception], bool],
    errors: tuple[type[Exception], ...] = (Exception,),
) -> _T:
    """Calls an action until it succeeds, `attempts` times at most; returns what it returns.

    Args:
        action: may be called again after it failed.
        attempts: at least 1.
        name: for the log, of what fails.
        is_final: whether another attempt is in vain after this error.
        errors: what a failing action raises; other errors come out as they are.

    Raises:
        GaveUp: if all attempts failed, or one failed for good.
    """
    attempt = 1
    while True:
        try:
            return action()
        except errors as error:
            if attempt == attempts or is_final(error):
                raise GaveUp(error, attempt) from error
            logger.warning("%s, attempt %d (%s)", redact(name), attempt, redact(str(error)))
        time.sleep(_PAUSE * 2 ** (attempt - 1))
        attempt += 1
