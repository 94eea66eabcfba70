import pytest

from tests.crawl.pages.reading import only, read

_IMAGE = '<img src="crab.jpg">'


@pytest.mark.parametrize(
    "body",
    [
        f'<div class="wp-caption alignleft"><a href="/x">{_IMAGE}</a><p class="wp-caption-text">A <b>crab</b></p></div>',
        f'<dl class="gallery-item"><dt class="i">{_IMAGE}</dt><dd class="wp-caption-text gallery-caption">A crab</dd></dl>',
        f'<li class="gallerybox"><div><div class="thumb">{_IMAGE}</div><div class="gallerytext"><p>A crab</p></div></div></li>',
        f'<div class="thumbinner">{_IMAGE}<div class="thumbcaption">A crab</div></div>',
        f'<table class="tr-caption-container"><tr><td>{_IMAGE}<tr><td class="tr-caption">A crab</table>',
        f'<div>{_IMAGE}<span class="big image-caption">A crab</span></div>',
        f'<figure><div>{_IMAGE}</div><div class="media-caption">A crab</div></figure>',
        f"<figure>{_IMAGE}<figure><figcaption>A crab</figcaption></figure></figure>",
    ],
)
def test_captions_of_platforms_are_text_and_context(body: str) -> None:
    pair = only(body)
    assert (pair.caption, pair.context) == ("A crab", "A crab")


def test_a_caption_is_only_that_of_the_pictures_beside_it() -> None:
    body = f'{_IMAGE}<div class="wp-caption">{_IMAGE}<p class="wp-caption-text">A crab</p></div>{_IMAGE}'
    page = read(body)
    assert [pair.position for pair in page.pairs] == [1]
    assert page.dropped == {"no_text": 2}


def test_other_classes_with_the_word_are_no_caption() -> None:
    assert read(f'<div>{_IMAGE}<p class="nocaption captions">A crab</p></div>').dropped == {"no_text": 1}


def test_a_caption_straight_in_the_body_is_of_no_picture() -> None:
    assert read(f'{_IMAGE}<p class="wp-caption-text">A crab</p>').dropped == {"no_text": 1}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('<img src="crab.jpg" title="a crab">', "a crab"),
        ('<img src="crab.jpg" alt=" " title="a crab">', "a crab"),
        ('<img src="crab.jpg" alt="the crab" title="a crab">', "the crab"),
        ('<img src="crab.jpg" aria-label="the crab" title="a crab">', "the crab"),
        ('<figure><img src="crab.jpg" title="a crab"><figcaption>the crab</figcaption></figure>', "the crab"),
        ('<a title="a crab" href="crab-full.jpg"><img src="crab.jpg"></a>', "a crab"),
    ],
)
def test_a_title_is_the_text_if_there_is_no_other(body: str, text: str) -> None:
    assert only(body).caption == text


def test_the_title_of_a_link_to_a_page_says_nothing_about_the_picture() -> None:
    assert read('<a title="read more" href="x.html"><img src="crab.jpg"></a>').dropped == {"no_text": 1}
