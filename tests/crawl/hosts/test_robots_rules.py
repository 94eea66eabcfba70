"""The reader of robots.txt: encodings, names of robots, rules, usage preferences."""

import codecs
import gzip

import pytest

from components.crawl.hosts.robots import RobotsRules, read_answer, read_robots

RULES = "User-agent: *\nDisallow: /private/\n"
OPEN, PRIVATE = "http://h.example/open/crab.png", "http://h.example/private/crab.png"


def read(text: str | bytes) -> RobotsRules:
    return read_robots(text if isinstance(text, bytes) else text.encode(), "test-crawl")


def refused(text: str | bytes, *urls: str) -> bool:
    rules = read(text)
    assert len({rules.allows(url) for url in urls}) == 1
    return not rules.allows(urls[0])


@pytest.mark.parametrize(
    "body",
    [
        RULES.encode("utf-8"),
        RULES.encode("utf-8-sig"),
        RULES.encode("utf-16"),
        RULES.encode("utf-16-le"),
        RULES.encode("utf-16-be"),
        codecs.BOM_UTF16_BE + RULES.encode("utf-16-be"),
        RULES.encode("utf-32"),
        RULES.encode("utf-32-le"),
        RULES.encode("utf-32-be"),
        b"# r\xe8gles\n" + RULES.encode(),
        b"\0" + RULES.encode(),
        b"\xef\xbb\xbf\xef\xbb\xbf" + RULES.encode(),
        b"\n\n" + RULES.encode("utf-8-sig"),
        RULES.replace("\n", "\r").encode(),
        RULES.replace("\n", "\r\n").encode(),
        RULES.replace("\n", "\n\r\n").encode(),
        RULES.replace("\n", "\N{LINE SEPARATOR}").encode(),
        RULES.replace("\n", "\\n").encode(),
        RULES.replace("\n", " ").encode(),
        RULES.replace("\n", "\n\n").encode(),
        RULES.replace(": ", ":").encode(),
        RULES.replace(": ", " : ").encode(),
        RULES.replace(": ", "\t").encode(),
        RULES.replace(":", "\N{FULLWIDTH COLON}").encode(),
        RULES.replace(" ", "\N{NO-BREAK SPACE}").encode(),
        RULES.upper().replace("/PRIVATE/", "/private/").encode(),
        RULES.replace("\n", " # a comment\n").encode(),
        f"<html><body><pre>{RULES}</pre></body></html>".encode(),
        f"<p>{RULES.strip().replace(chr(10), '</p><p>')}</p>".encode(),
        gzip.compress(RULES.encode()),
    ],
)
def test_rules_are_found_however_the_file_is_written(body: bytes) -> None:
    assert refused(body, PRIVATE)
    assert not refused(body, OPEN)


@pytest.mark.parametrize(
    "agent",
    [
        "test-crawl",
        "Test-CRAWL",
        "test-crawl/0.1",
        "test-crawl/0.1 (+https://example.org)",
        "test-crawl*",
        "test-crawl bot",
        '"test-crawl"',
        "Mozilla/5.0 (compatible; test-crawl/0.1)",
        "otherbot, test-crawl, bingbot",
        "test\N{NON-BREAKING HYPHEN}crawl",
        "test\N{ZERO WIDTH SPACE}-crawl",
    ],
)
def test_a_group_that_names_us_holds_instead_of_the_one_for_all(agent: str) -> None:
    text = f"User-agent: *\nDisallow: /open/\n\nUser-agent: {agent}\nDisallow: /private/\n"
    assert refused(text, PRIVATE)
    assert not refused(text, OPEN)


@pytest.mark.parametrize(
    "agent", ["test", "test*", "*crawl", "t*l", "test_crawl", "test-crawl2", "test-crawl-images", "all", "bots"]
)
def test_a_group_that_may_mean_us_holds_as_well(agent: str) -> None:
    text = f"User-agent: *\nDisallow: /open/\n\nUser-agent: {agent}\nDisallow: /private/\nAllow: /open/\n"
    assert refused(text, PRIVATE, OPEN)


@pytest.mark.parametrize("agent", ["googlebot", "crawl", "t", "not-test-crawl", "test-crawler", "other*", "*bot"])
def test_a_group_of_others_does_not_hold(agent: str) -> None:
    assert not refused(f"User-agent: {agent}\nDisallow: /\n", OPEN)


@pytest.mark.parametrize(
    "line",
    [
        "Disallow: /private",
        "disallow:/private/",
        "Dissallow: /private/",
        "Disalow: /private/",
        "Disallows: /private/",
        "Dis-allow: /private/",
        "Disallow /private/",
        "Disallow: private/",
        "Disallow: http://h.example/private/",
        "Disallow: HTTPS://h.example:443/private/",
        'Disallow: "/private/"',
        "Disallow: \\private/",
        "Disallow: /secret/ /private/",
        "Disallow: /secret/, /private/",
        "Disallow: /*.png$\nAllow: /open/crab.png",
        "Disallow: *vate/",
        "Disallow: /priv%61te/",
        "Disallow: /private/\nAllow: /",
        "Disallow: /private/\nAllow: http://h.example/private/crab.png",
        "Disallow: //private/",
        "Disallow: //h.example/private/",
        "Disallow: \u200b/private/",
        "Disallow: ./private/",
        "Disallow: /secret/;/private/",
        "Disallow: </private/>",
        "Disallow: [/private/]",
        "Disallow: /private\\",
        "Noindex: /private/",
        "DisallowAITraining: /private/",
    ],
)
def test_a_rule_holds_however_it_is_written(line: str) -> None:
    assert refused(f"User-agent: *\n{line}\n", PRIVATE)
    assert not refused(f"User-agent: *\n{line}\n", OPEN)


@pytest.mark.parametrize(
    "path", ["//private/crab.png", "/private//crab.png", "///private/", "/%70rivate/", "/private/?x=//"]
)
def test_other_spellings_of_a_path_are_forbidden_too(path: str) -> None:
    assert refused("User-agent: *\nDisallow: /private/", f"http://h.example{path}")


@pytest.mark.parametrize("value", ["all", "ALL", "yes", "./", "*", "/*", "*/"])
def test_everything_is_forbidden_in_words_as_well(value: str) -> None:
    assert refused(f"User-agent: *\nDisallow: {value}\n", OPEN, PRIVATE)


@pytest.mark.parametrize("value", ["//", "//*", "*//", "//$"])
def test_a_rule_against_empty_folders_forbids_nothing_else(value: str) -> None:
    assert not refused(f"User-agent: *\nDisallow: {value}\n", OPEN)


@pytest.mark.parametrize(
    "text",
    [
        "User-agent: *, Disallow: /private/",
        "User-agent: *;Disallow: /private/",
        "User-agent: *<br>Disallow: /private/<br />",
    ],
)
def test_lines_that_were_joined_are_parted(text: str) -> None:
    assert refused(text, PRIVATE)


def test_rules_without_a_group_are_for_all() -> None:
    assert refused("Disallow: /private/", PRIVATE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "User-agent: *\nDisallow:\n",
        "User-agent: *\nDisallow: /\n\nUser-agent: test-crawl\nAllow: /\n",
        "User-agent: *\nDisallow: /\n\nUser-agent: test-crawl\nDisallow:\n",
        "User-agent: *\nDisallow: /\nAllow: /open/\nAllow: /private/c*.png$\n",
        "User-agent: *\n# Disallow: /\n",
        "<!doctype html><title>Not found</title><p>Allow cookies</p><p>The user agent</p>",
    ],
)
def test_what_is_allowed_may_be_requested(text: str) -> None:
    assert not refused(text, OPEN, PRIVATE)


@pytest.mark.parametrize(
    "url", ["http://h.example/caf%C3%A9/", "http://h.example/caf%E9/", "http://h.example/caf%c3%a9/"]
)
def test_paths_in_latin_1_forbid_both_of_their_spellings(url: str) -> None:
    assert refused("User-agent: *\nDisallow: /café/".encode("latin-1"), url)


@pytest.mark.parametrize(
    "line",
    [
        "Content-Usage: train-ai=n",
        "Content-usage: search=y, train-ai=n",
        "Content-Usage: /private/ train-ai=n",
        "Content-Usage: /private/*.png$ train-ai=n",
        "Content-Usage: bots=n",
        "Content-Signal: search=yes,ai-train=no",
        "Content-Signal: /private/ ai-train=no",
    ],
)
def test_usage_preferences_forbid(line: str) -> None:
    assert refused(f"User-agent: *\n{line}\nAllow: /\n", PRIVATE)
    assert refused(f"User-agent: *\n{line}\nContent-Usage: /open/ train-ai=y\nAllow: /\n", OPEN) is False


@pytest.mark.parametrize("line", ["Content-Usage: search=n", "Content-Usage: train-ai=y", "Content-Signal: search=no"])
def test_other_usage_preferences_do_not(line: str) -> None:
    assert not refused(f"User-agent: *\n{line}\n", OPEN, PRIVATE)


@pytest.mark.parametrize(
    ("line", "delay"),
    [
        ("Crawl-delay: 2", 2),
        ("Crawl-delay: 1.5", 1.5),
        ("crawl-delay:1,5", 1.5),
        ("Crawl-delay: 10s", 10),
        ("Crawl-delay: 1\nCrawl-delay: 3", 3),
        ("Crawl-delay: 1e400", 1),
        ("Crawl-delay: 99999999999999999999", 60),
        ("Crawl-delay: nan", 0),
        ("Crawl-delay: ²", 2),
        ("Crawl-delay:", 0),
        ("Request-rate: 1/5", 5),
        ("Request-rate: 30/1m", 2),
        ("Request-rate: 0/0", 0),
    ],
)
def test_the_delay_is_the_longest_up_to_a_minute(line: str, delay: float) -> None:
    assert read(f"User-agent: *\n{line}\n").delay == delay


@pytest.mark.parametrize(
    ("status", "allowed"),
    [(200, False), (206, False), (404, True), (401, True), (403, True), (410, True)]
    + [(status, None) for status in (429, 500, 503, 301, 304, 0)],
)
def test_a_missing_file_allows_all_and_an_unreachable_one_nothing(status: int, allowed: bool | None) -> None:
    rules = read_answer(status, RULES.encode(), "test-crawl")
    assert (rules and rules.allows(PRIVATE)) == allowed
