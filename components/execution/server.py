"""Whether a server of the user's answers, asked once and briefly before anything else is."""

from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import urlopen

from components.redaction import without_user

ANSWER_WITHIN = 5.0  # seconds


def ask_health(address: str) -> int:
    """The HTTP status of `ADDRESS/health`, asked without the address's user and password.

    A status that is an error is an answer, too: a login may protect the page.

    Raises:
        ValueError: if it is no address of a server; nothing of the address is in the text.
        OSError: if no server answers.
    """
    plain = f"{without_user(address)[0].rstrip('/')}/health"
    if not plain.startswith(("http://", "https://")):
        raise ValueError("it is no address of a server")
    try:
        with urlopen(plain, timeout=ANSWER_WITHIN) as answer:  # noqa: S310 - http(s) only
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except (HTTPException, ValueError):  # its text may be a part of the password
        raise ValueError("it is no address of a server") from None
    except OSError as error:
        raise OSError(str(getattr(error, "reason", error))) from error
