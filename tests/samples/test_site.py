"""One site of the sample web: pages, pictures, defects, and planted near-copies only."""

import hashlib
import json
import re
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest

from components.images.decode import BadImage, open_rgb
from samples import benchmark, raster
from samples.concepts import SETS, Concept, held_out
from samples.site import MARKUP, Builder, Site
from tests.samples.conftest import drawn_by

PICTURE = re.compile(r"/img/[^/]+\.(png|jpg|webp)")


class Images(HTMLParser):
    """The attributes of a page's pictures, and the targets of its links."""

    def __init__(self) -> None:
        super().__init__()
        self.images: list[dict[str, str | None]] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.images.append(dict(attrs))
        if tag == "a":
            self.links.append(dict(attrs)["href"] or "")


def seen(page: bytes) -> Images:
    parser = Images()
    parser.feed(page.decode())
    return parser


def build(builder: Builder, art_set: str, concepts: list[Concept], number: int = 40) -> Site:
    return builder.build(art_set, drawn_by(art_set, concepts)[:number], [])


@pytest.fixture(scope="module")
def noto(builder: Builder, concepts: list[Concept]) -> Site:
    return build(builder, "noto", concepts)


# The benchmark


@pytest.mark.parametrize("art_set", ["cif", "flag", "flagpack", "noto-v1"])
def test_no_picture_of_a_held_out_concept_is_served(
    art_set: str, builder: Builder, concepts: list[Concept], modules: Path
) -> None:
    excluded = drawn_by(art_set, concepts, excluded=True)[:80]
    forbidden = {raster.picture(modules, art_set, d.name, c.key) for c, d in excluded}
    site = builder.build(art_set, drawn_by(art_set, concepts)[:300], [], excluded)
    assert forbidden.isdisjoint(site.files.values())
    assert not any(held_out(concept.key) for concept in site.truth.values())


def test_a_flag_that_equals_a_benchmark_picture_is_left_out(
    builder: Builder, concepts: list[Concept], modules: Path
) -> None:
    australia, heard = (next(c for c in concepts if c.key == f"flag:{code}") for code in ("AU", "HM"))
    drawings = [next((c, d) for d in c.drawings if d.art_set == "flag") for c in (australia, heard)]
    assert held_out(heard.key)
    assert len({raster.picture(modules, "flag", d.name, c.key) for c, d in drawings}) == 1
    site = builder.build("flag", drawings[:1], [], drawings[1:])
    assert site.left_out == 1
    assert site.truth == {}


def test_near_copies_are_planted_on_a_page_of_their_own(
    builder: Builder, concepts: list[Concept], modules: Path
) -> None:
    listed = benchmark.entries([c for c in concepts if held_out(c.key)])
    art_set, copies = max(benchmark.near_copies(modules, listed, 40, 7).items(), key=lambda pair: len(pair[1]))
    site = builder.build(art_set, drawn_by(art_set, concepts)[:4], copies)
    page = seen(site.files["/fan-art.html"])
    assert [image["src"] for image in page.images if "/fan/" in str(image["src"])] == [c.path for c in copies]
    assert all(site.files[c.path] == c.image and site.truth[c.path] is c.concept for c in copies)
    assert "/fan-art.html" in seen(site.files["/index.html"]).links


# Pages


def test_a_second_build_gives_the_same_archive(
    builder: Builder, concepts: list[Concept], noto: Site, tmp_path: Path
) -> None:
    for place, site in (("a", noto), ("b", build(builder, "noto", concepts))):
        (tmp_path / place).mkdir()
        site.write(tmp_path / place)
    first, second = ((tmp_path / place / "noto.zip").read_bytes() for place in ("a", "b"))
    assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()
    with zipfile.ZipFile(tmp_path / "a" / "noto.zip") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        assert archive.namelist() == sorted(archive.namelist(), key=lambda name: f"/{name}")
        assert json.loads(archive.read("_site.json"))["host"] == "noto.localhost"


def test_every_picture_is_shown_on_a_page_that_the_front_page_leads_to(noto: Site) -> None:
    waiting, pages = ["/index.html"], dict[str, Images]()
    while waiting:
        path = waiting.pop()
        if path not in pages and path in noto.files and path.endswith(".html"):
            pages[path] = seen(noto.files[path])
            waiting += [f"{link}index.html" if link.endswith("/") else link for link in pages[path].links]
    shown = {str(image["src"]) for page in pages.values() for image in page.images}
    assert set(noto.truth) <= shown
    assert len([path for path in noto.truth if PICTURE.fullmatch(path)]) == 40


def test_a_long_group_continues_on_further_pages(noto: Site, builder: Builder) -> None:
    first = seen(noto.files["/activities/page-1.html"])
    assert "/activities/page-2.html" in first.links
    assert len(first.images) == builder.page_pictures + 2  # a spacer and a search button on each page


@pytest.mark.parametrize("art_set", SETS)
def test_pictures_can_be_found_in_every_markup(art_set: str, builder: Builder, concepts: list[Concept]) -> None:
    site = build(builder, art_set, concepts, 3)
    page = next(data for path, data in sorted(site.files.items()) if re.fullmatch(r"/[a-z-]+/page-1\.html", path))
    images = seen(page).images[2:]
    assert len(images) in (1, 2, 3)
    markup = MARKUP.get(art_set, "plain")
    for image in images:
        address = str(image["data-src"] if markup == "lazy" else image["src"])
        path = address.removeprefix("..").removeprefix(f"http://{site.address}")
        assert path in site.files
        assert ("srcset" in image) == (markup == "srcset")
        if markup == "srcset":
            assert open_rgb(site.files[path]).size == (32, 32)
            assert str(image["srcset"]).split()[2] in site.truth


def test_alt_texts_are_the_communities_names_and_never_q_ids(noto: Site) -> None:
    alts = [
        image.get("alt") for path, data in noto.files.items() if path.endswith(".html") for image in seen(data).images
    ]
    assert not [alt for alt in alts if alt and re.search(r"\bQ\d+\b", alt)]
    assert None in alts  # some pictures have no alt text at all
    assert "" in alts


# Dirt


def test_robots_may_not_go_everywhere(noto: Site) -> None:
    assert b"Disallow: /private/" in noto.files["/robots.txt"]
    assert [path for path in noto.files if path.startswith("/private/") and path.endswith(".png")]
    assert noto.responses["/drafts.html"]["headers"] == {"X-Robots-Tag": "noindex, nofollow"}
    refused = [path for path, said in noto.responses.items() if said["headers"].get("X-Robots-Tag") == "noimageai"]
    assert len(refused) == 2
    assert set(refused) <= set(noto.truth)


def test_pages_and_pictures_are_redirected_missing_or_in_a_loop(noto: Site) -> None:
    statuses = {path: said["status"] for path, said in noto.responses.items() if said["status"] != 200}
    assert statuses == {
        "/old.html": 301,
        "/loop-a.html": 302,
        "/loop-b.html": 302,
        "/img/moved.png": 301,
        "/img/not-there.png": 404,
    }
    assert noto.responses["/img/moved.png"]["headers"]["Location"] in noto.truth
    assert "/gone.html" in seen(noto.files["/index.html"]).links
    assert "/gone.html" not in noto.files


def test_copies_have_the_same_bytes_and_the_same_truth(noto: Site) -> None:
    copies = [path for path in noto.truth if path.startswith(("/mirror/", "/private/"))]
    assert len(copies) == 14
    for path in copies:
        original = re.sub(r"^/(mirror|private)/", "/img/", path)
        assert noto.files[path] == noto.files[original]
        assert noto.truth[path] is noto.truth[original]


@pytest.mark.parametrize("name", ["cut-short.png", "half.jpg", "page-in-disguise.png", "poster.png"])
def test_broken_and_oversized_pictures_cannot_be_decoded(noto: Site, name: str) -> None:
    with pytest.raises(BadImage):
        open_rgb(noto.files[f"/img/{name}"])
    assert f"/img/{name}" not in noto.truth


def test_the_oversized_picture_is_small_on_the_wire(noto: Site) -> None:
    assert len(noto.files["/img/poster.png"]) < 50_000


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_site_with_few_pictures_is_complete(builder: Builder, concepts: list[Concept], number: int) -> None:
    site = build(builder, "cif", concepts, number)
    assert {"/index.html", "/robots.txt", "/broken.html"} <= site.files.keys()
    assert len([path for path in site.truth if PICTURE.fullmatch(path)]) == number
