import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.crawl.pages.html import read_page
from components.crawl.pages.page import Page
from components.crawl.pair import Pair
from tests.crawl.conftest import knobs

URL = "http://site.example/animals/page.html"


def read(body: str, head: str = "", header: tuple[str, ...] = ()) -> Page:
    html = f"<!doctype html><html><head><title> Sea\n animals </title>{head}</head><body>{body}</body></html>"
    return read_page(html, URL, header, knobs(), links=True)


def only(body: str, head: str = "") -> Pair:
    (pair,) = read(body, head).pairs
    return pair


def test_a_picture_with_its_texts() -> None:
    caption = "<figcaption>A <i>crab</i></figcaption>"
    body = f'<p>x</p><img alt=""><figure><img src="/crab.png" alt=" a  red\ncrab &amp; sand">{caption}</figure>'
    assert only(body) == Pair(
        url="http://site.example/crab.png",
        caption="a red crab & sand",
        context="A crab",
        page_url=URL,
        page_title="Sea animals",
        page_language="",
        site="site.example",
        position=1,
    )


@pytest.mark.parametrize(
    ("image", "address"),
    [
        ('<img src="crab.png" alt="c">', "/animals/crab.png"),
        ('<img src="s.png" srcset="s.png 32w, l.png 96w" alt="c">', "/animals/l.png"),
        ('<img src="spacer.gif" data-src="crab.png" alt="c">', "/animals/crab.png"),
        ('<img src="data:image/gif;base64,R0lG" data-original="/crab.png" alt="c">', "/crab.png"),
        ('<img src="x.gif" data-srcset="s.png 1x, l.png 2x" alt="c">', "/animals/l.png"),
        ('<img src="crab.png" data-lazy="true" alt="c">', "/animals/crab.png"),
        (
            '<picture><source srcset="l.webp 640w" type="image/webp"><img src="s.jpg" alt="c"></picture>',
            "/animals/l.webp",
        ),
        ('<picture><source srcset="l.jxl" type="image/jxl"><img src="s.jpg" alt="c"></picture>', "/animals/s.jpg"),
        ('<img src="http://cdn.example/crab.png" alt="c">', "http://cdn.example/crab.png"),
    ],
)
def test_the_best_address_of_a_picture_is_taken(image: str, address: str) -> None:
    assert only(image).url.removeprefix("http://site.example") == address


def test_addresses_are_relative_to_the_base_element() -> None:
    assert (
        only('<img src="crab.png" alt="c">', '<base href="http://cdn.example/img/">').url
        == "http://cdn.example/img/crab.png"
    )


def test_the_figure_caption_replaces_a_missing_alt_text() -> None:
    pair = only('<figure><img src="crab.png"><figcaption>A crab</figcaption></figure>')
    assert (pair.caption, pair.context) == ("A crab", "A crab")


def test_long_texts_are_cut() -> None:
    assert only(f'<img src="crab.png" alt="{"crab " * 1000}">').caption == ("crab " * 40).strip()


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("<img alt='c'>", "no_source"),
        ("<img src='' alt='c'>", "no_source"),
        ("<img src='pixel.gif' width='1' height='1' alt=''>", "spacer"),
        ("<img src='data:image/png;base64,AAAA' alt='c'>", "data_uri"),
        ("<img src='ftp://site.example/c.png' alt='c'>", "bad_address"),
        ("<img src='icon.png' width='16px' height='64' alt='search'>", "declared_small"),
        ("<img src='c.png'>", "no_text"),
        ("<img src='c.png' alt='  '>", "no_text"),
    ],
)
def test_dropped_pictures_have_a_reason(image: str, reason: str) -> None:
    page = read(image)
    assert page.pairs == ()
    assert page.dropped == {reason: 1}


@pytest.mark.parametrize("size", ["width='100%'", "width='auto' height='0x10'", "width=''"])
def test_a_size_that_is_not_in_pixels_is_ignored(size: str) -> None:
    assert len(read(f"<img src='c.png' alt='c' {size}>").pairs) == 1


def test_links_are_absolute_unique_and_in_order() -> None:
    body = '<a href="b.html#x">b</a><area href="/a.html"><a href="b.html">b</a><a href="mailto:x@y">m</a><a>none</a>'
    assert read(body).links == ("http://site.example/animals/b.html", "http://site.example/a.html")


def test_links_marked_nofollow_are_not_followed() -> None:
    assert read('<a rel="noopener NOFOLLOW" href="a.html">a</a>').links == ()


@pytest.mark.parametrize("way", ["meta", "header"])
@pytest.mark.parametrize("directive", ["noindex", "noimageindex", "noai", "noimageai", "none"])
def test_pictures_of_an_excluded_page_are_dropped_and_counted(way: str, directive: str) -> None:
    head = f'<meta name="robots" content="{directive}">' if way == "meta" else ""
    page = read('<img src="c.png" alt="c"><img src="d.png">', head, (directive,) if way == "header" else ())
    refusal = "noindex" if directive == "none" else directive
    assert (page.pairs, page.dropped, page.refusal) == ((), {refusal: 2}, refusal)


@pytest.mark.parametrize("name", ["ROBOTS", " robots ", "Test-Crawl", "TDM-Reservation"])
def test_a_meta_element_may_be_written_in_any_case(name: str) -> None:
    content = "1" if name == "TDM-Reservation" else "NoIndex"
    page = read('<img src="c.png" alt="c">', f'<meta name="{name}" content="{content}">')
    assert page.refusal == ("tdm-reservation" if content == "1" else "noindex")


@pytest.mark.parametrize(
    ("meta", "directive"),
    [
        ('name="robots" content="noindex;"', "noindex"),
        ('http-equiv="X-Robots-Tag" content="noai"', "noai"),
        ('http-equiv="Content-Usage" content="train-ai=n"', "content-usage"),
        ('name="test-crawl/1.0" content="NoImageIndex"', "noimageindex"),
    ],
)
def test_a_meta_element_may_stand_for_a_header(meta: str, directive: str) -> None:
    assert read('<img src="c.png" alt="c">', f"<meta {meta}>").dropped == {directive: 1}


def test_a_nofollow_page_has_pairs_but_no_links() -> None:
    page = read('<a href="a.html">a</a><img src="c.png" alt="c">', '<meta name="robots" content="nofollow">')
    assert (page.links, len(page.pairs)) == ((), 1)


def test_directives_for_another_robot_are_ignored() -> None:
    assert (
        len(read('<img src="c.png" alt="c">', '<meta name="googlebot" content="none">', ("otherbot: none",)).pairs) == 1
    )


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<",
        "<img src=a.png alt=a",
        "<img src='a.png alt=b><p>",
        "<figure><figure><img src=a.png alt=a></figcaption></figure>",
        "<base href='::::'><img src=a.png alt=a>",
        "<base href='javascript:1'><a href='http://['>x</a>",
        "<table><img src=a.png alt=a><td></figure>",
        "\x00<img src=a\x00.png alt='\x00'>",
        "\ud800<img src=a.png alt='\ud800'>",
        "<svg><title>t</title><img src=a.png alt=a></svg>",
        "<img src=a.png alt=a>" + "<div>" * 50_000,
        "".join(f"<b class={n}><p>" for n in range(20_000)),
        "<select>" + "<option>" * 50_000,
        "<figure>" + "<i>" * 50_000 + "<figcaption>" + "<b>" * 50_000 + "x",
        "<img srcset='" + "a.png," * 50_000 + "' alt=a>",
    ],
)
def test_malformed_html_is_read_as_far_as_it_goes(html: str) -> None:
    assert isinstance(read_page(html, URL, (), knobs()), Page)


def test_an_unclosed_tag_soup_still_gives_its_pictures() -> None:
    page = read_page("<p><b><img src=a.png alt=a><table><tr><img src='b.png' alt=b></p>", URL, (), knobs())
    assert sorted(pair.caption for pair in page.pairs) == ["a", "b"]


SOUP = """< > </ <img <a <base <figure> </figure> <figcaption> <picture> <source <meta <title> <svg> <template> <!-- --> <![CDATA[
<amp-img <div role=img class=wp-caption-text class=gallerytext style=background:url(a.png) title= data-url=a.png blank.gif
<script type=application/ld+json> {"@type":"ImageObject","url":"b.png","caption":"c"} </script> <a href=full.jpg>
src= srcset= alt= href= name=robots content= data-src= width= rel= type= ' " = / // : http:// ? # %zz 1w 2x , noindex &amp; &#0;
&#xD800; javascript: data: [ ] @ é 図"""
PIECES = st.sampled_from(SOUP.split())


@settings(max_examples=300)
@given(st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=40).map(" ".join))
def test_soup_never_raises_and_gives_whole_pairs(html: str) -> None:
    page = read_page(html, URL, (html,), knobs())
    assert page == read_page(html, URL, (html,), knobs())
    for pair in page.pairs:
        assert pair.url.startswith(("http://", "https://"))
        assert pair.caption
        assert pair.caption.encode()
