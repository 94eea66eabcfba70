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


@pytest.mark.parametrize(
    "part",
    [
        "<div></x>",  # no tag of this name is open
        "<span></y>",
        "<div></span>",
        "<div a='</div>'>",  # what looks like a tag is none
        '<div a = "</div>">',
        "<div><!--</div>-->",
        "<div><script></div></script>",
        "<div><textarea></div></textarea>",
        "<svg><g><![CDATA[></g>]]>",
    ],
)
def test_what_closes_nothing_hides_no_depth(part: str) -> None:
    bomb = (part * 100_000).encode()
    assert len(within_budget(bomb)) < len(bomb) / 2


def test_in_doubt_whether_it_is_text_an_element_is_open_but_not_closed() -> None:
    bomb = ("<svg></svg>" + "<div><style></div></style>" * 60_000).encode()
    assert len(within_budget(bomb)) < len(bomb) / 2


def test_tags_of_closed_elements_in_scripts_cut_no_page() -> None:
    page = ("<div><script>a = '<div><div>'</script></div>" * 20_000).encode()
    assert within_budget(page) == page


def test_what_parsing_takes_is_counted_by_depth() -> None:
    def counted(html: str) -> int:
        spent: list[int] = []
        within_budget(html.encode(), spent.append)
        return sum(spent)

    assert counted("<div>" * 900) == 0  # a page of usual size
    assert counted("<p>a</p>" * 2_000) == 4_000 * 2_000
    assert counted("<div>" * 4_000) == 4_000 * 4_000
    assert counted("<p>a</p>" * 10_000) < 50_000
    assert counted("<div>" * 10_000) > 40_000_000
