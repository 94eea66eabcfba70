"""Groups of a robots.txt: which lines belong to which robots (RFC 9309, section 2.2.1)."""

import pytest

from tests.crawl.hosts.test_robots_rules import OPEN, PRIVATE, read, refused


@pytest.mark.parametrize(
    "text",
    [
        "User-agent: test-crawl\nDisallow: /open/\nUser-agent: *\nAllow: /\nUser-agent: TEST-crawl/2\nDisallow: /private/",
        "User-agent: a\nUser-agent: test-crawl\n\nUser-agent: b\nDisallow: /open/\nDisallow: /private/",
    ],
)
def test_groups_are_merged(text: str) -> None:
    assert refused(text, OPEN, PRIVATE)


NO_RULES = [
    "",
    "   ",
    "# a comment",
    "Sitemap: http://h.example/s.xml",
    "Crawl-delay: 10",
    "Crawl-delay 10",
    "Request-rate: 1/5",
    "Visit-time: 0100-0500",
    "Host: h.example",
    "Clean-param: ref /open/",
    "Content-Usage: search=n",
    "Content-Usage: train-ai=y",
    "Content-Usage: /open/ train-ai=y",
    "Content-Signal: ai-train=yes",
    "AllowAITraining: /",
    "Noindex: /elsewhere/",
    "DisallowAITraining: /elsewhere/",
    "Unknown: line",
    "no field at all",
    ":",
    "<br>",
    "\ufeff",
]


@pytest.mark.parametrize("line", NO_RULES)
@pytest.mark.parametrize(
    "agents", [("test-crawl", "b"), ("b", "test-crawl"), ("*", "b"), ("b", "*"), ("mofi*", "test")]
)
def test_only_allow_and_disallow_end_the_names_of_a_group(line: str, agents: tuple[str, str]) -> None:
    first, second = agents
    assert refused(f"User-agent: {first}\n{line}\nUser-agent: {second}\nDisallow: /\n", OPEN, PRIVATE)


@pytest.mark.parametrize("line", NO_RULES)
@pytest.mark.parametrize("rule", ["Allow: /", "Disallow: /private/", "Disallow:"])
def test_lines_after_a_rule_do_not_join_groups(line: str, rule: str) -> None:
    text = f"User-agent: test-crawl\n{rule}\n{line}\nUser-agent: b\n{line}\nDisallow: /\n"
    assert not refused(text, OPEN)


@pytest.mark.parametrize("agents", [("test-crawl", "b"), ("b", "test-crawl"), ("*", "b"), ("b", "*"), ("b", "test")])
def test_lines_between_names_hold_for_all_of_the_group(agents: tuple[str, str]) -> None:
    first, second = agents
    between = "Crawl-delay: 7\nContent-Usage: train-ai=n"
    text = f"User-agent: {first}\n{between}\nUser-agent: {second}\nDisallow: /private/\n"
    assert refused(text, OPEN)
    assert read(text).delay == 7
