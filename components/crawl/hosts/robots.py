"""The rules of a robots.txt for our robot (RFC 9309), for the spider and the downloader."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from unicodedata import category

from protego import Protego

from components.crawl.hosts.robots_text import escaped, read_lines
from components.crawl.pages.agent_name import EVERYONE, is_named, is_perhaps_named, plain
from components.crawl.pages.content_usage import training_preference

# RFC 9309, section 2.3.1.2: so many redirects are followed, to other hosts as well.
ROBOTS_REDIRECTS = 5
# A longer delay would keep a worker busy for days.
_LONGEST_DELAY = 60.0
# `*` and `$` in the rules of one robots.txt that are matched; a rule beyond them counts up to its
# first one. Each costs its time with every URL, and no site needs so many.
_MOST_WILDCARDS = 2000
# Rules of one robots.txt that are kept. Of as many further ones only the first folders of their
# paths count, so that the rules of many hosts fit in memory; more of them forbid everything.
_MOST_RULES = 5000
_LONGEST_PATH = 4096  # characters; longer than any URL that is requested
_NUMBER = re.compile(r"\d{1,9}(?:[.,]\d{1,9})?")
_RATE = re.compile(r"(\d{1,9}) ?/ ?(\d{1,9}) ?([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
# The rules that end the names of a group's robots (RFC 9309, section 2.2.1).
_RULES = ("allow", "disallow")
_SLASHES = re.compile(r"(?<![:/])//+")
# Of a URL, which needs no scheme if its host has a dot.
_ORIGIN = re.compile(r"https?://[^/]*|//(?=[^/]*\.)[^/?*]+(?=/[^$*])", re.IGNORECASE)
# What people put around a path, and write for "all of it".
_BEFORE, _AFTER = "\"'<([{^", "\"'>)]}"
_EVERYTHING = frozenset(("all", "any", "everything", "true", "yes"))


@dataclass(frozen=True)
class RobotsRules:
    """What a robots.txt allows our robot.

    Attributes:
        delay: its Crawl-delay in seconds, at most 60; 0 if there is none.
    """

    _readings: tuple[Protego, ...] = ()
    delay: float = 0.0

    def allows(self, url: str) -> bool:
        """Whether a normalised URL may be requested; not if its path without `//` may not."""
        readings = {url, _SLASHES.sub("/", url)}
        try:
            return all(reading.can_fetch(read, "*") for reading in self._readings for read in readings)
        except ValueError:  # no URL
            return False


class _Paths:
    """Rules by path, as `Allow` and `Disallow` are matched."""

    def __init__(self) -> None:
        self._rules: dict[str, None] = {}  # without repetition, in order
        self._wildcards = 0
        self._forbids = False

    def forbid(self, value: str) -> None:
        """Adds a `Disallow`, in all readings of what may be a mistake."""
        for path in _readings_of(value):
            self._forbids = True
            self._add("disallow", path)

    def allow(self, value: str) -> None:
        """Adds an `Allow`, if it is without mistakes."""
        if value.startswith(("/", "*")) and len(value) <= _LONGEST_PATH:
            self._add("allow", escaped(value))

    def _add(self, kind: str, path: str) -> None:
        if len(self._rules) >= _MOST_RULES:
            if kind == "allow":
                return
            path = path[: path.find("/", 1) + 1] or path if len(self._rules) < 2 * _MOST_RULES else "/"
        wildcards = path.count("*") + path.count("$")
        if wildcards and self._wildcards + wildcards > _MOST_WILDCARDS:
            if kind == "allow":
                return
            path = path[: min(path.find(mark) for mark in "*$" if mark in path)] or "/"
        else:
            self._wildcards += wildcards
        self._rules[f"{kind}: {path}"] = None

    def reading(self) -> Protego | None:
        """The parsed rules; None if they forbid nothing."""
        return Protego.parse("\n".join(("user-agent: *", *self._rules))) if self._forbids else None


def _readings_of(value: str) -> Iterator[str]:
    """What a `Disallow` may mean: several paths, a URL, a path without a slash or in Latin-1."""
    value = value[:_LONGEST_PATH].lstrip(_BEFORE).rstrip(_AFTER)
    if not value.isascii() and not value.isprintable():
        value = "".join(char for char in value if category(char) != "Cf")  # zero-width spaces
        if not value.isprintable():  # bytes that are not UTF-8
            yield from _readings_of(escaped(value))
            value = value.encode("utf-8", "surrogateescape").decode("latin-1")
    value = escaped(value).replace("\\", "/")
    path = _ORIGIN.sub("", value, count=1) or "/" if _ORIGIN.match(value) else value
    if path.lower() in _EVERYTHING:
        yield "/"
    if path:
        yield path if path.startswith(("/", "*")) else f"/{path}"
    if path.startswith(("?", ".", "&")):
        yield path[1:] if path.startswith("./") else f"/*{path}"
    if path.startswith("//") and path.strip("/*$"):  # but `//` itself means what it says
        yield f"/{path.lstrip('/')}"
    words = re.split("[ ,;]+", value)
    if len(words) > 1:
        yield from (word for word in words if word.startswith(("/", "*")))


class _Group:
    """The rules of all groups that name the same robot.

    Attributes:
        paths: what may be requested.
        usages: what may be used (AIPREF's `Content-Usage` and others), which is matched alike.
        delay: seconds between two requests.
    """

    def __init__(self) -> None:
        self.paths, self.usages, self.delay = _Paths(), _Paths(), 0.0

    def add(self, name: str, value: str) -> None:
        """Adds a line."""
        if name == "disallow":
            self.paths.forbid(value)
        elif name == "allow":
            self.paths.allow(value)
        elif name == "no-training":
            self.usages.forbid(value)
        elif name == "training":
            self.usages.allow(value)
        elif name == "content-usage":
            path, _, preference = value.partition(" ") if value.startswith(("/", "*")) else ("/", "", value)
            permitted = training_preference(preference)
            if permitted is False:
                self.usages.forbid(path)
            elif permitted:
                self.usages.allow(path)
        else:
            self.delay = max(self.delay, _delay(name, plain(value)))


def _delay(name: str, value: str) -> float:
    if name == "crawl-delay" and (number := _NUMBER.search(value)):
        return min(float(number[0].replace(",", ".")), _LONGEST_DELAY)
    if name == "request-rate" and (rate := _RATE.search(value)) and int(rate[1]):
        return min(int(rate[2]) * _SECONDS[rate[3]] / int(rate[1]), _LONGEST_DELAY)
    return 0.0


def read_answer(status: int, body: bytes, robot: str) -> RobotsRules | None:
    """The rules by the response to a request for robots.txt; None if it is unreachable.

    A missing robots.txt (4xx) allows everything, an unreachable one (5xx, 429, redirects without
    an end) nothing.
    """
    if 200 <= status < 300:
        return read_robots(body, robot)
    return RobotsRules() if 400 <= status < 500 and status != 429 else None


def _group_of(agent: str, robot: str, ours: _Group, everyone: _Group, perhaps: _Group) -> _Group | None:
    """The group that a plain `User-agent` names; None for those of others."""
    if is_named(agent, robot):
        return ours
    if not agent.strip("*\"',; "):
        return everyone
    return perhaps if agent in EVERYONE or is_perhaps_named(agent, robot) else None


def read_robots(body: bytes, robot: str) -> RobotsRules:
    """Reads the first 500 KiB of a robots.txt for a robot's product token; never raises.

    The groups that name the robot hold, or else those of `*`, in which rules without a group count.
    In addition holds what groups forbid whose names might mean the robot (`mofi`, `*crawl`, `all`).
    """
    ours, everyone, perhaps = _Group(), _Group(), _Group()
    # A dict as an ordered set: a group may be named ten thousand times.
    current, named, ended = {everyone: None}, False, True
    # Lines between the names of robots that are neither `Allow` nor `Disallow` must not end a group
    # (section 2.2.1), so they hold for the robots that are named after them as well.
    between: list[tuple[str, str]] = []
    for name, value in read_lines(body):
        if name == "user-agent":
            if ended:
                current, ended = {}, False
                between.clear()
            group = _group_of(plain(value), robot, ours, everyone, perhaps)
            named |= group is ours
            if group is not None and group not in current:
                current[group] = None
                for line in between:
                    group.add(*line)
        else:
            if name in _RULES:
                ended = True
            elif not ended:
                between.append((name, value))
            for group in current:
                group.add(name, value)
    chosen = ours if named else everyone
    readings = (chosen.paths.reading(), chosen.usages.reading(), perhaps.paths.reading(), perhaps.usages.reading())
    delay = max(chosen.delay, perhaps.delay)
    return RobotsRules(tuple(reading for reading in readings if reading is not None), delay)
