import pytest

from components.crawl.pages.parse_budget import within_budget

GALLERY = "<table><tr><td><a href=x><img src=a.png alt=a></a><p><b>crab</b><li>x</table>" * 20_000


@pytest.mark.parametrize("html", ["", "<div>" * 4000, GALLERY, "<p>text" * 100_000, "<div><p>x</p></div>" * 50_000])
def test_a_long_but_flat_document_is_read_whole(html: str) -> None:
    assert within_budget(html.encode()) == html.encode()


@pytest.mark.parametrize(
    "bomb",
    ["<div>" * 200_000, "<b x=1><p>" * 100_000, "<i>" * 100_000],
)
def test_a_document_that_is_expensive_to_parse_is_truncated(bomb: str) -> None:
    cut = within_budget(f"<img src=a.png alt=a>{bomb}".encode())
    assert cut.startswith(b"<img src=a.png alt=a>")
    assert len(cut) < len(bomb) / 2


def test_open_formatting_elements_are_copied_into_at_most_a_hundred_bytes_for_each_of_a_document() -> None:
    bomb = "".join(f"<p><b x{n}>t</p>" for n in range(20_000)).encode()
    kept = within_budget(bomb).count(b"<b")
    assert kept * (kept + 1) / 2 * 2 < 2 * (100_000 + len(bomb) / 2)
