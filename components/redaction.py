"""One way to show a URL: without the user's name and password, signatures, tokens and keys."""

import re
from urllib.parse import unquote, unquote_plus

HIDDEN = "***"
# A URL in a text, up to white space or a quotation mark; `//host` has no scheme.
# A scheme is looked for where a word begins alone, else a long word takes time by its square.
_SCHEME = r"(?:(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*:)?"
_URL = re.compile(rf"{_SCHEME}//[^\s\"<>]+")
_ONE_URL = re.compile(rf"{_SCHEME}//.+", re.DOTALL)
# Parts of the names of values that open doors, as presigned URLs, SAS, CDNs and APIs have them.
_SECRET_NAME = re.compile(
    r"sign|token|secret|passw|passphrase|pwd|credential|access-?_?key|auth|jwt|session|assertion|hmac|private|bearer|cookie"
    r"|policy|key-pair|webhook|key$|^hdn|(?:^|[-_.])(?:sig|cred|pass|code|pin|otp|sas)$",
    re.IGNORECASE,
)
_SECRET_PAIR = re.compile(r"(?:pwd|passw(?:or)?d|secret|token|hmac|sig(?:nature)?|key)\s*=", re.IGNORECASE)
# Letters and digits that nobody reads.
_LONG_VALUE = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9+/=_.~-]{32,}")
_PAIR = re.compile(r"([?&;#])([^=&;#?]*)=([^&;#]*)")
_DECODINGS = 4  # a value may be encoded in a value


def show_url(url: object) -> str:
    """A URL, path or location for messages and logs, without what opens doors.

    Left out are the user's name and password, the values of a query or fragment whose names say
    that they are secret (`X-Amz-Signature`, `sig`, `token`, …), and values that look so.
    """
    return _ONE_URL.sub(lambda match: _shown(match[0]), str(url))


def redact(text: str) -> str:
    """A text in which every URL is as `show_url` shows it."""
    return _URL.sub(_in_a_sentence, text) if "//" in text else text


def _in_a_sentence(match: re.Match[str]) -> str:
    """Without what ends the sentence."""
    url = match[0].rstrip(")]}',.:;!")
    return _shown(url) + match[0][len(url) :]


def _shown(url: str) -> str:
    scheme, _, rest = url.partition("//")
    end = re.search(r"[/?#]", rest)
    authority, path = (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
    if "@" in authority:
        authority = f"{HIDDEN}@{authority.rpartition('@')[2]}"
    elif "@" in path and _is_cut_off(authority):  # a password with a slash
        path = path.rpartition("@")[2]
        authority = f"{HIDDEN}@"
    return f"{scheme}//{authority}{_PAIR.sub(_hidden, path)}"


def _is_cut_off(authority: str) -> bool:
    """Whether `user:password` ends where a host's port would be a number."""
    host, colon, port = authority.rpartition(":")
    return bool(colon) and not host.startswith("[") and not port.isdigit()


def _hidden(match: re.Match[str]) -> str:
    mark, name, value = match.groups()
    return f"{mark}{name}={HIDDEN}" if value and _is_secret(name, value) else match[0]


def _is_secret(name: str, value: str) -> bool:
    name, value = _decoded(name), _decoded(value)
    if _SECRET_NAME.search(name) or _SECRET_PAIR.search(value) or _LONG_VALUE.fullmatch(value):
        return True
    return "//" in value and redact(value) != value


def _decoded(text: str) -> str:
    for _ in range(_DECODINGS):
        plain = unquote_plus(text)
        if plain == text:
            break
        text = plain
    return text


def without_user(url: str) -> tuple[str, str, str]:
    """A URL without the user's name and password, and these, decoded; empty if it has none."""
    scheme, mark, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if not mark or not at:
        return url, "", ""
    name, _, password = user.partition(":")
    return f"{scheme}://{host}{slash}{path}", unquote(name), unquote(password)
