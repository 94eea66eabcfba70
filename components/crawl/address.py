"""Addresses: what a link means, which host it belongs to, and whether that host may be asked at all."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from yarl import URL

LOOPBACK = "127.0.0.1"
_LONGEST = 2048
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+", re.IGNORECASE)
# What most addresses look like: normal as they stand, without port, nothing to encode or fold, no segment that starts with a dot.
_ORIGIN = r"https?://(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}"
_SEGMENT = r"[A-Za-z0-9_~-][A-Za-z0-9_~.-]*"
_QUERY = r"(?:\?[A-Za-z0-9_~.=&-]+)?"
_PLAIN = re.compile(
    rf"(?P<address>{_ORIGIN}(?:/{_SEGMENT})*/(?:{_SEGMENT})?{_QUERY})"
    rf"|(?P<path>/(?:{_SEGMENT}/)*(?:{_SEGMENT})?{_QUERY})"
    rf"|(?P<name>(?:{_SEGMENT}/)*{_SEGMENT}/?{_QUERY})"
)
_PLAIN_BASE = re.compile(rf"({_ORIGIN})((?:/{_SEGMENT})*/)(?:{_SEGMENT})?{_QUERY}")
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


def resolve(base: str, reference: str) -> str | None:
    """The absolute, normalised http(s) address that `reference` means on a page of address `base`; None if it means none.

    Fragments are dropped: they name a place in a page, not a page. Addresses with a user name, over 2048 characters, or that no
    server could be asked for, mean none.
    """
    match = _PLAIN.fullmatch(reference) if len(reference) <= _LONGEST else None
    if match is not None:
        plain = _plain(base, reference, match.lastgroup)
        if plain is not None and len(plain) <= _LONGEST:
            return plain
    reference = reference.strip().replace("\n", "").replace("\r", "").replace("\t", "")
    return _resolve_any(base, reference) if reference and len(reference) <= _LONGEST else None


def _plain(base: str, reference: str, kind: str | None) -> str | None:
    """What `_resolve_any` finds, ten times as fast, for a plain reference of a kind; None if the page's address is not plain."""
    if kind == "address":
        return reference
    origin, folder = _plain_base(base)
    if not origin:
        return None
    return f"{origin}{reference}" if kind == "path" else f"{folder}{reference}"


@lru_cache(maxsize=256)
def _plain_base(base: str) -> tuple[str, str]:
    """What stands before a path and before a name on a page; empty unless the page's address is plain."""
    match = _PLAIN_BASE.fullmatch(base)
    return (match[1], match[1] + match[2]) if match else ("", "")


def _resolve_any(base: str, reference: str) -> str | None:
    try:
        url = URL(base).join(URL(reference)).with_fragment(None)
    except ValueError:
        return None
    if url.scheme not in ("http", "https") or url.user is not None or url.password is not None:
        return None
    if not url.raw_host or not _HOST.fullmatch(url.raw_host):
        return None
    text = str(url)
    if url.raw_path == "/" and not url.raw_query_string:
        text = f"{text.rstrip('/')}/"  # yarl leaves the path of a bare host away
    return text if len(text) <= _LONGEST and text.isascii() and text.isprintable() else None


def host_of(url: str) -> str:
    """The host of an absolute address, lower case, without port or brackets; empty if there is none."""
    try:
        return (URL(url).raw_host or "").lower().rstrip(".")
    except ValueError:
        return ""


def origin_of(url: str) -> str:
    """`http://host:port` of an absolute address: what one robots.txt speaks for."""
    return str(URL(url).origin())


def site_of(url: str) -> str:
    """What is asked as one server: the host without a leading `www.`."""
    return host_of(url).removeprefix("www.")


def is_localhost(host: str) -> bool:
    """Whether the name is `localhost` or ends in it; such names mean this machine, whatever DNS says (RFC 6761)."""
    host = host.lower().rstrip(".")
    return host == "localhost" or host.endswith(".localhost")


@dataclass(frozen=True)
class AddressGuard:
    """Keeps requests away from this machine and its private network, but for hosts that the operator allowed.

    Attributes:
        allowed: host patterns (`*.localhost`) that may have private addresses.
    """

    allowed: Sequence[str] = ()

    def permits(self, host: str, address: str) -> bool:
        """Whether a request for `host` may go to `address`, to which its name was resolved."""
        return _is_public(address) or self.allows(host)

    def permits_name(self, host: str) -> bool:
        """What can be said before any look-up: a host that is an address itself, or means this machine, is checked here."""
        if is_localhost(host):
            return self.allows(host)
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return True
        return self.permits(host, host)

    def allows(self, host: str) -> bool:
        """Whether the operator allowed this host to have a private address."""
        return any(fnmatchcase(host.lower().rstrip("."), pattern.lower()) for pattern in self.allowed)


def _is_public(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour
        if inner is None and parsed in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
    return parsed.is_global and not parsed.is_multicast
