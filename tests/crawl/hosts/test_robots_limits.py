"""The reader of robots.txt on hostile files: time, limits, any bytes."""

import gzip
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.crawl.hosts.robots_text import ROBOTS_BYTES
from tests.crawl.hosts.test_robots_rules import OPEN, PRIVATE, RULES, read, refused


def test_the_first_500_kib_are_read_up_to_the_last_whole_line() -> None:
    start = RULES + "# " + "x" * (ROBOTS_BYTES - len(RULES) - 20) + "\n"
    line = "Disallow: /open/crab.png\n"
    assert refused(start + line[: ROBOTS_BYTES - len(start)], PRIVATE)
    assert not refused(start + line + "Disallow: /\n" * 10**5, OPEN)
    assert ROBOTS_BYTES - len(start) > len("Disallow: /open")  # it is cut off within the path


SIZE = 100_000  # bytes; a fifth of what is read of a file


def ours(lines: Callable[[int], str]) -> bytes:
    text = "User-agent: *\n"
    return (text + "\n".join(map(lines, range(SIZE // (len(lines(9999)) + 1))))).encode()


HOSTILE = {
    "agents and rules": "".join(f"User-agent: a{n}\n" for n in range(3000)).encode() + ours("Disallow: /{}".format),
    "our agents and rules": b"User-agent: test-crawl\n" * 3000 + ours("Disallow: /{}".format),
    "wildcards": ours("Disallow: /*{}".format),
    "allowed wildcards": ours("Allow: /*{}".format) + b"\nDisallow: /x",
    "many wildcards in each": ours(lambda n: f"Disallow: /{'*a' * 100}*b{n}"),
    "one rule of wildcards": b"User-agent: *\nDisallow: /" + b"*a" * (SIZE // 2),
    "ends": ours("Disallow: /{}$".format),
    "prefixes": ours("Disallow: /aaaaaaa{}".format),
    "white space": b"User-agent: *\nDisallow: /a" + b" " * SIZE + b"b",
    "commas": b"User-agent: *\nDisallow: " + b"/," * (SIZE // 2),
    "tags": b"<" * SIZE,
    "entities": b"<" + b"&" * SIZE,
    "fields in a line": b"User-agent: *\n" + b" disallow:" * (SIZE // 10),
    "unknown fields": "".join(f"d{n}: /\n" for n in range(SIZE // 10)).encode(),
    "a name of stars": b"User-agent: " + b"*t" * (SIZE // 2) + b"\nDisallow: /",
    "bytes": b"User-agent: *\nDisallow: /" + b"\xff" * SIZE,
    "compressed": gzip.compress(b"User-agent: *\n" + b"Disallow: /\n" * SIZE),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_file_takes_long_to_read_or_to_ask(name: str) -> None:
    url = f"http://h.example/{'a' * 2000}"
    start = time.process_time()
    rules = read(HOSTILE[name])
    for _ in range(10):
        rules.allows(url)
    assert time.process_time() - start < 3  # some 0.05 s; a minute where groups were multiplied by rules


def test_rules_with_too_many_wildcards_forbid_more_not_less() -> None:
    text = "User-agent: *\n" + "".join(f"Disallow: /a{n}/*x\nAllow: /b{n}/*\n" for n in range(3000)) + "Disallow: /b"
    rules = read(text)
    assert not rules.allows("http://h.example/a2999/x")
    assert not rules.allows("http://h.example/b2999/")
    assert rules.allows("http://h.example/b1/")


def test_more_rules_than_are_kept_forbid_more_not_less() -> None:
    lines = [f"Disallow: /a/{n}/x\nAllow: /b/{n}/" for n in range(4000)]
    rules = read("\n".join(["User-agent: *", *lines, "Disallow: /b"]))
    assert not rules.allows("http://h.example/a/3999/x")
    assert not rules.allows("http://h.example/b/3999/")
    assert rules.allows("http://h.example/b/1/")
    assert rules.allows("http://h.example/c/")


LINES = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from(
            [
                b"User-agent: *",
                b"User-agent: test-crawl/1",
                b"Disallow: /a*",
                b"Allow: /a$",
                b"Crawl-delay: 1",
                b"\xff\xfe",
            ]
        ),
    ),
    max_size=10,
)


@given(LINES, st.text(max_size=20))
def test_no_bytes_are_an_error(lines: list[bytes], path: str) -> None:
    rules = read(b"\n".join(lines))
    assert rules.allows(f"http://h.example/{path}") in (True, False)
    assert 0 <= rules.delay <= 60


@given(LINES, st.binary(max_size=20))
def test_no_lines_before_or_after_make_the_last_refusal_void(before: list[bytes], comment: bytes) -> None:
    """Except for encodings and HTML, which are read from the beginning."""
    clean = [
        line.replace(b"\0", b"").replace(b"<", b"").replace(b"\x1f", b"").lstrip(b"\xff\xfe\xef") for line in before
    ]
    text = b"\n".join([b"#", *clean, b"User-agent: test-crawl", b"Disallow: /" + b" # " + comment.replace(b"\0", b"")])
    assert refused(text, "http://h.example/b")
