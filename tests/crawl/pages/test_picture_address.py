import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.crawl.pages.picture_address import is_picture, is_placeholder
from tests.crawl.pages.reading import path, read


@pytest.mark.parametrize(
    "name",
    """data-src data-original data-lazy-src data-lazy data-lazyload data-echo data-lazysrc data-orig-src data-img-src
    data-flickity-lazyload data-cfsrc data-actualsrc data-pagespeed-lazy-src lazy-src""".split(),  # noqa: SIM905 - to be read
)
@pytest.mark.parametrize("source", ["", 'src="real-looking.jpg"', 'src="data:image/gif;base64,R0lG"'])
def test_a_lazy_loading_attribute_is_preferred(name: str, source: str) -> None:
    assert path(f'<img {source} {name}="img?id=7&k=.x" alt="a crab">') == "img?id=7&k=.x"


@pytest.mark.parametrize("name", ["data-url", "data-any-other", "loadsrc", "file", "data-image"])
@pytest.mark.parametrize("source", ["", 'src="/t/blank.gif"', 'src="data:image/gif;base64,R0lG"', 'src="#"'])
def test_any_attribute_with_a_picture_replaces_a_placeholder(name: str, source: str) -> None:
    assert path(f'<img {source} {name}="crab.webp?v=2" alt="a crab">') == "crab.webp?v=2"


@pytest.mark.parametrize("value", ["page.html", "/share?u=crab.jpg", "crab_{width}x.jpg", "a crab.jpg", "true"])
def test_attributes_with_something_else_do_not(value: str) -> None:
    assert read(f'<img src="blank.gif" data-url="{value}" alt="a crab">').dropped == {"placeholder": 1}
    assert path(f'<img src="crab.png" data-src-x="{value}" alt="a crab">') == "crab.png"


def test_a_template_for_scripts_is_no_address() -> None:
    assert path('<img src="crab_300x.jpg" data-src="crab_{width}x.jpg" alt="a crab">') == "crab_300x.jpg"


@pytest.mark.parametrize(
    "name",
    """blank.gif spacer.gif img/placeholder.png lazy-load.svg lazyload.gif loading.gif loader.gif pre-loader.gif 1x1.png
    transparent.png transparent-1x1.gif blank.gif?v=3 no-placeholder.jpg placeholder-300x200.png pixel.gif clear.gif grey.gif
    about:blank # t_blank.gif""".split(),  # noqa: SIM905 - to be read
)
def test_placeholders_are_dropped_and_counted(name: str) -> None:
    assert read(f'<img src="{name}" alt="a crab">').dropped == {"placeholder": 1}


@pytest.mark.parametrize(
    "name",
    """crab.jpg 1.jpg 20.gif 1024x768.jpg grey.jpg pixel-art.png pixel.png clear.jpg loading-dock.jpg blank-verse.jpg
    transparent-frog.jpg greyhound.gif lazy-cat.jpg empty-room.jpg x.png pixel7.jpg _.png""".split(),  # noqa: SIM905
)
def test_pictures_with_names_like_placeholders_stay(name: str) -> None:
    assert path(f'<img src="{name}" alt="a crab">') == name


@pytest.mark.parametrize(
    "image",
    [
        '<a href="full.jpg"><img src="thumb.jpg" alt="a crab"></a>',
        '<a href="full.jpg"><span><img src="thumb.jpg" width="150" alt="a crab"></span></a>',
        '<a href="full.jpg"><picture><source srcset="t.webp 150w"><img src="thumb.jpg" alt="a crab"></picture></a>',
        '<a href="full.jpg" title="a crab"><img src="thumb.jpg" alt=""></a>',
        '<img src="thumb.jpg" data-large_image="full.jpg" alt="a crab">',
        '<img src="thumb.jpg" srcset="t.jpg 150w, thumb.jpg 300w" data-orig-file="full.jpg" alt="a crab">',
        '<img src="thumb.jpg" data-zoom-image=" full.jpg " alt="a crab">',
        '<img src="blank.gif" data-full="full.jpg" alt="a crab">',
    ],
)
def test_the_full_picture_behind_a_thumbnail_is_taken(image: str) -> None:
    assert path(image) == "full.jpg"


@pytest.mark.parametrize(
    "image",
    [
        '<a href="full.jpg"><img src="shown.jpg" width="640" alt="a crab"></a>',
        '<a href="full.jpg"><img src="s.jpg" srcset="s.jpg 300w, shown.jpg 1024w" alt="a crab"></a>',
        '<a href="page.html"><img src="shown.jpg" alt="a crab"></a>',
        '<a href="/wiki/File:Crab.jpg"><img src="shown.jpg" alt="a crab"></a>',
        '<a href="/w/Datei%3ACrab.jpg"><img src="shown.jpg" alt="a crab"></a>',
        '<a href="https://code.example/o/r/blob/main/crab.png"><img src="shown.jpg" alt="a crab"></a>',
        '<a href="view.php?file=crab.jpg"><img src="shown.jpg" alt="a crab"></a>',
        '<a><img src="shown.jpg" alt="a crab"></a>',
        '<img src="shown.jpg" data-large_image="true" alt="a crab">',
    ],
)
def test_a_picture_that_is_large_enough_or_alone_stays(image: str) -> None:
    assert path(image) == "shown.jpg"


@pytest.mark.parametrize(
    ("srcset", "chosen"),
    [
        ("s.jpg 150w, l.jpg 1600w", "l.jpg"),
        ("s.jpg 150w, l.jpg 1025w", "l.jpg"),
        ("s.jpg 512w, l.jpg 1025w", "s.jpg"),
        ("s.jpg 400w, l.jpg 4000w", "s.jpg"),
        ("l.jpg 1600w, s.jpg 150w, m.jpg 600w", "m.jpg"),
        ("data:image/gif;base64,R0lG 1w, l.jpg 1600w", "l.jpg"),
    ],
)
def test_a_candidate_just_above_the_width_is_better_than_a_tiny_one(srcset: str, chosen: str) -> None:
    assert path(f'<img srcset="{srcset}" alt="a crab">') == chosen


def test_an_embedded_picture_is_dropped_as_such_if_there_is_no_other() -> None:
    assert read('<img src="data:image/png;base64,AAAA" data-src="" alt="c">').dropped == {"data_uri": 1}
    assert read('<img srcset="data:image/png;base64,AAAA 1w" alt="c">').dropped == {"data_uri": 1}


@settings(max_examples=200)
@given(st.text(alphabet="ab./?#:%3_- {}\\'x1gifjpnblankJPG\n", max_size=40))
def test_any_text_is_judged(text: str) -> None:
    assert is_placeholder(text) in (True, False)
    assert not is_picture(text) or not set(text) & set(" {}'\n")
