"""What a hostile page costs, by counting work and by what comes out, not by time."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from selectolax.lexbor import LexborNode

from components.crawl.pages import captions, picture_address, picture_element, srcset
from components.crawl.pages.html import read_page
from tests.crawl.conftest import knobs
from tests.crawl.pages.reading import URL, read

# Hostile pages by the number of their elements.
PAGES: dict[str, Callable[[int], str]] = {
    "sources": lambda n: "<picture>" + '<source srcset="a.jpg 1w, b.jpg 2w">' * n + "<img src=a alt=b>" * n,
    "sources without widths": lambda n: "<picture>" + "<source srcset=a.jpg>" * n + "<img src=a alt=b>" * n,
    "images of a figure": lambda n: "<figure>" + "<img src=a>" * n + "<figcaption>a crab",
    "figures in figures": lambda n: "<figure><img src=a>" * n + "<figcaption>a crab",
    "captions in captions": lambda n: "<figure><figcaption>a<img src=a>" * n,
    "classes": lambda n: "<div class=wp-caption><img src=a><p class=wp-caption-text>a</p>" * n,
    "links": lambda n: "<a href=x.jpg>" + "<img src=a alt=b>" * n,
}


@pytest.mark.parametrize(
    "page",
    [
        f"<div class='{'c ' * 9_000}'>" + "<p class=wp-caption-text>a</p>" * 2_000,
        f"<a href=x.jpg {' '.join(f'a{n}' for n in range(400))}>" + "<img src=a>" * 2_000,
        f"<figure class='{'c ' * 9_000}'>" + "<img src=a>" * 2_000,
        f"<picture class='{'c ' * 9_000}'>" + "<img src=a>" * 2_000,
    ],
)
def test_an_element_around_many_is_read_once(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    splits = 0

    def counting(element: LexborNode) -> list[str]:
        nonlocal splits
        splits += 1
        return classes(element)

    classes = captions._classes
    monkeypatch.setattr(captions, "_classes", counting)
    reader = picture_element.PictureReader
    links: list[int] = []
    original = reader._opened
    monkeypatch.setattr(reader, "_opened", lambda self, link: links.append(len(self._links)) or original(self, link))
    read(page)
    assert splits <= 2_000 + 5
    assert max(links, default=0) <= 1


@pytest.mark.parametrize(
    "style", ["url(" + " " * 19_000 + "x", "url( " * 3_900, "url('" * 3_900, 'url("' + "(" * 19_000]
)
def test_a_style_that_is_no_background_has_no_picture(style: str) -> None:
    assert read(f'<div role=img aria-label=a style="{style.replace(chr(34), "&quot;")}">').pairs == ()


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """Counts candidates, looked-at elements of captions and addresses."""
    work = {"steps": 0}

    def counting(function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            work["steps"] += 1
            found = function(*arguments)
            work["steps"] += len(found) if isinstance(found, (list, tuple)) else 0
            return found

        return call

    def walk(element: LexborNode, number: int) -> Iterator[LexborNode]:
        for one in climb(element, number):
            work["steps"] += 1
            yield one

    climb = captions._ancestors
    with monkeypatch.context() as patch:
        for name in ("parse_srcset", "best"):
            patch.setattr(picture_address, name, counting(getattr(srcset, name)))
        patch.setattr(picture_address, "_candidates", counting(picture_address._candidates))
        patch.setattr(captions, "_ancestors", walk)
        patch.setattr("components.crawl.pages.picture_element.is_picture", counting(picture_address.is_picture))
        yield work


@pytest.mark.parametrize("name", PAGES)
def test_twice_the_page_is_at_most_twice_the_work(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    for number in (200, 400):
        with counted(monkeypatch) as work:
            read(PAGES[name](number))
        steps.append(work["steps"])
    assert steps[1] <= 2.2 * steps[0] + 100


def test_captions_in_captions_are_read_from_a_bounded_number_of_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captions, "_MAX_PAGE_NODES", 1_000)
    page = read("<figure><figcaption>a<img src=a>" * 500)
    assert 0 < len(page.pairs) < 50
    assert page.dropped["no_text"] + len(page.pairs) == 500


@pytest.mark.parametrize(
    "page",
    [
        f"<base href='http://h.example/{'p' * 1900}/'>" + "".join(f"<img alt=c src={n}>" for n in range(4_000)),
        f"<figure><figcaption>{'crab ' * 200}</figcaption>" + "<img src=a>" * 6_000,
        f"<title>{'crab ' * 200}</title>" + "<img src=a alt=c>" * 6_000,
    ],
)
def test_what_all_pairs_repeat_does_not_multiply_a_page(page: str) -> None:
    found = read_page(page, URL, (), knobs(max_text=1000))
    assert sum(len("".join(map(str, pair))) for pair in found.pairs) < 6_000_000
    assert found.dropped["too_many_pictures"] + len(found.pairs) == page.count("<img")


def test_a_long_base_does_not_multiply_a_pages_links() -> None:
    page = f"<base href='http://h.example/{'p' * 1900}/'>" + "".join(f"<a href={n}></a>" for n in range(4_000))
    found = read_page(page, URL, (), knobs(), links=True)
    assert sum(map(len, found.links)) <= 5_000_000
    assert len(found.links) + found.links_left == 4_000


def test_a_page_with_thousands_of_usual_pictures_and_links_is_read_whole() -> None:
    body = "".join(
        f'<a href="/crabs/{n}.html"><img src="/crabs/{n}.jpg" alt="crab number {n}"></a>' for n in range(4_000)
    )
    found = read_page(body, URL, (), knobs(), links=True)
    assert (len(found.pairs), len(found.links), found.links_left, found.dropped) == (4_000, 4_000, 0, {})


def test_the_rest_of_a_page_that_is_cut_off_is_counted() -> None:
    assert read(f"<img src=a.png alt=a><p {' '.join(f'a{n}' for n in range(15_000))}>").dropped == {"rest_of_page": 1}


def test_a_list_of_many_options_is_no_reason_to_cut_a_page() -> None:
    assert len(read("<select>" + "<option>a</option>" * 20_000 + "</select><img src=a.png alt=a>").pairs) == 1


def test_image_objects_are_bounded() -> None:
    one = {"@type": "ImageObject", "url": "a.jpg", "caption": "a"}
    many = json.dumps([one] * 30_000)
    script = f'<script type="application/ld+json">{many}</script>'
    assert len(read(script).pairs) == 0  # more than a million characters
    assert len(read(script.replace(many, json.dumps([one] * 1_000))).pairs) == 1
