"""URLs: links, hosts and sites, and the filter for private addresses."""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from yarl import URL

LOOPBACK = "127.0.0.1"
LONGEST = 2048  # characters of a URL
# RFC 1035, section 2.3.4, in characters. Names that are not ASCII need more bytes than characters,
# and time that grows with the square of a label's length.
_LONGEST_NAME, _LONGEST_LABEL = 253, 63
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+", re.IGNORECASE)
# Most URLs are normalised already: no port, nothing to encode or to lower-case, no segment that
# starts with a dot.
_ORIGIN = r"https?://(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}"
_SEGMENT = r"[A-Za-z0-9_~-][A-Za-z0-9_~.-]*"
_QUERY = r"(?:\?[A-Za-z0-9_~.=&-]+)?"
_PLAIN = re.compile(
    rf"(?P<address>{_ORIGIN}(?:/{_SEGMENT})*/(?:{_SEGMENT})?{_QUERY})"
    rf"|(?P<path>/(?:{_SEGMENT}/)*(?:{_SEGMENT})?{_QUERY})"
    rf"|(?P<name>(?:{_SEGMENT}/)*{_SEGMENT}/?{_QUERY})"
)
_PLAIN_BASE = re.compile(rf"({_ORIGIN})((?:/{_SEGMENT})*/)(?:{_SEGMENT})?{_QUERY}")
# Behind what `yarl` skips, and what might be a scheme.
_AUTHORITY = re.compile(r"[\x00-\x20]*(?:[^/?#:]*:)?//([^/?#]*)")
_DOTS = re.compile("[.\u3002\uff0e\uff61]")
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


def resolve(base: str, reference: str) -> str | None:
    """Resolves `reference` on the page `base` to a normalised http(s) URL; None if invalid.

    Fragments are dropped. URLs with a user name, longer than 2048 characters, or with an invalid
    host are rejected.
    """
    plain = _plain(base, reference) if len(reference) <= LONGEST else None
    if plain is not None and len(plain) <= LONGEST:
        return plain
    reference = reference.strip().replace("\n", "").replace("\r", "").replace("\t", "")
    return _resolve_any(base, reference) if reference and len(reference) <= LONGEST else None


def _plain(base: str, reference: str) -> str | None:
    """A fast path for plain references, ten times as fast; None for others."""
    match = _PLAIN.fullmatch(reference)
    if match is None:
        return None
    kind = match.lastgroup
    if kind == "address":
        return reference
    origin, folder = _plain_base(base)
    if not origin:
        return None
    return origin + reference if kind == "path" else folder + reference


@lru_cache(maxsize=256)
def _plain_base(base: str) -> tuple[str, str]:
    """Prefixes for absolute paths and for relative names; empty unless `base` is plain."""
    match = _PLAIN_BASE.fullmatch(base)
    return (match[1], match[1] + match[2]) if match else ("", "")


def _resolve_any(base: str, reference: str) -> str | None:
    if not (_has_valid_host(reference) and _has_valid_host(base)):
        return None
    try:
        url = _joined(URL(base), URL(reference)).with_fragment(None)
        if "%3A" in url.raw_path:  # a colon, which stays encoded in a name alone, where it could end a scheme
            url = URL(str(url))
        # Some URLs are parsed when their parts are asked for.
        host, has_user = url.raw_host, url.user is not None or url.password is not None
    except ValueError:
        return None
    if url.scheme not in ("http", "https") or has_user or not host or not _HOST.fullmatch(host):
        return None
    text = str(url)
    if url.raw_path == "/" and not url.raw_query_string:
        text = f"{text.rstrip('/')}/"  # yarl omits the path of a bare host
    return text if len(text) <= LONGEST and text.isascii() and text.isprintable() else None


def _joined(base: URL, reference: URL) -> URL:
    """As `URL.join`, which decodes a base's folders, unless its path ends with a slash."""
    if reference.raw_path and not reference.raw_path.startswith("/"):
        base = base.with_path(f"{base.raw_path.rpartition('/')[0]}/", encoded=True)
    return base.join(reference)


def _has_valid_host(reference: str) -> bool:
    """Whether the host in a reference is an IPv6 address in brackets, a name, or not there.

    `yarl` drops brackets around anything else, and `[8:1]` would become port 1 of the host 8; if
    they stand before an `@` alone, it fails. A name must be short enough to be encoded as ASCII.
    """
    authority = _AUTHORITY.match(reference)
    if authority is None:
        return True
    host = authority[1].rpartition("@")[2]
    if "[" in authority[1] or "]" in authority[1]:
        return host.startswith("[") and _is_ipv6(host[1:].partition("]")[0])
    if host.isascii():
        return True
    # A label becomes `xn--` and at least as many characters as it has.
    labels = _DOTS.split(host.partition(":")[0])
    lengths = [len(label) + (0 if label.isascii() else 4) for label in labels]
    return sum(lengths) + len(lengths) - 1 <= _LONGEST_NAME and max(lengths) <= _LONGEST_LABEL


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def host_of(url: str) -> str:
    """The host of an absolute URL, lower case, without port or brackets; empty if there is none."""
    if not _has_valid_host(url):
        return ""
    try:
        return (URL(url).raw_host or "").lower().rstrip(".")
    except ValueError:
        return ""


def origin_of(url: str) -> str:
    """`http://host:port` of an absolute URL: the scope of one robots.txt."""
    return str(URL(url).origin())


def site_of(url: str) -> str:
    """The host without a leading `www.`: hosts of one site share their limits."""
    return host_of(url).removeprefix("www.")


def is_localhost(host: str) -> bool:
    """Whether a name is `localhost` or below it, which is this machine (RFC 6761)."""
    host = host.lower().rstrip(".")
    return host == "localhost" or host.endswith(".localhost")


def matches_host(host: str, patterns: Iterable[str]) -> bool:
    """Whether a host matches one of the patterns (`*.localhost`)."""
    return any(fnmatchcase(host.lower().rstrip("."), pattern.lower()) for pattern in patterns)


@dataclass(frozen=True)
class AddressFilter:
    """Rejects requests to this machine and to private networks, except for hosts that are allowed.

    Attributes:
        allowed: patterns of hosts (`*.localhost`) that may have private addresses.
    """

    allowed: Sequence[str] = ()

    def permits(self, host: str, address: str) -> bool:
        """Whether a request to `host` may go to `address`, which its name resolved to."""
        return _is_public(address) or self.allows(host)

    def permits_name(self, host: str) -> bool:
        """Checks a host before its name is resolved: IP addresses and names of this machine."""
        if is_localhost(host):
            return self.allows(host)
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return True
        return self.permits(host, host)

    def allows(self, host: str) -> bool:
        """Whether this host may have a private address."""
        return matches_host(host, self.allowed)


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
