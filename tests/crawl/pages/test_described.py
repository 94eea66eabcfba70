"""Pictures that no `<img>` shows: AMP, backgrounds and JSON-LD."""

import json

import pytest

from tests.crawl.pages.reading import only, path, read


def data(content: object) -> str:
    return f'<script type="application/ld+json">{json.dumps(content)}</script>'


@pytest.mark.parametrize("tag", ["amp-img", "amp-anim"])
def test_an_amp_picture_is_read_like_an_img(tag: str) -> None:
    body = f'<{tag} src="s.jpg" srcset="s.jpg 320w, l.jpg 900w" alt="a crab" width="900" height="600"></{tag}>'
    assert path(body) == "l.jpg"


@pytest.mark.parametrize(
    "attributes",
    [
        'style="width:1px;background-image: url(crab.jpg)"',
        "style=\"background: no-repeat URL( 'crab.jpg' )\"",
        "style='background:url(\"crab.jpg\") center'",
        'data-bg="crab.jpg"',
        'data-background-image="url(crab.jpg)"',
    ],
)
@pytest.mark.parametrize("label", ["aria-label", "title"])
def test_a_labelled_background_is_a_picture(attributes: str, label: str) -> None:
    pair = only(f'<div role="img" {attributes} {label}="a crab"></div>')
    assert (pair.url, pair.caption) == ("http://site.example/animals/crab.jpg", "a crab")


def test_elements_with_that_role_but_no_picture_do_not_count() -> None:
    body = (
        '<svg role="img" aria-label="icon"></svg><i role="img" aria-label="star"></i><div role="img" style="color:red">'
    )
    assert (read(body).pairs, read(body).dropped) == ((), {})


def test_a_background_without_a_label_has_no_text() -> None:
    assert read('<div role="img" style="background:url(crab.jpg)">').dropped == {"no_text": 1}


@pytest.mark.parametrize(
    "content",
    [
        {"@type": "ImageObject", "contentUrl": "crab.jpg", "url": "page.html", "caption": "a crab"},
        {"@type": ["Thing", "http://schema.org/ImageObject"], "url": ["crab.jpg"], "description": "a crab"},
        {"@graph": [{"@type": "Article", "image": {"@type": "ImageObject", "url": "crab.jpg", "name": "a crab"}}]},
        [[{"@type": "schema:ImageObject", "contentUrl": {"@id": "crab.jpg"}, "caption": {"@value": "a crab"}}]],
    ],
)
def test_an_image_object_is_a_pair(content: object) -> None:
    pair = only(data(content))
    assert (pair.url, pair.caption, pair.context) == ("http://site.example/animals/crab.jpg", "a crab", "")


def test_an_image_object_that_the_page_shows_counts_once() -> None:
    content = {"@type": "ImageObject", "url": "crab.jpg", "caption": "another text"}
    assert only(f'<img src="crab.jpg" alt="a crab">{data([content, content])}').caption == "a crab"


def test_an_image_object_gives_a_text_to_a_picture_without() -> None:
    page = read(f'<img src="crab.jpg">{data({"@type": "ImageObject", "url": "crab.jpg", "caption": "a crab"})}')
    assert ([pair.caption for pair in page.pairs], page.dropped) == (["a crab"], {"no_text": 1})


def test_one_without_a_text_is_counted() -> None:
    assert read(data({"@type": "ImageObject", "url": "crab.jpg"})).dropped == {"no_text": 1}


@pytest.mark.parametrize(
    "script",
    [
        "ImageObject",
        '{"@type":"ImageObject","url":',
        '{"@type":"ImageObject","url":1,"caption":{}}',
        '{"@type":"ImageObject","url":[],"caption":[[]]}',
        '{"@type":null,"x":"ImageObject"}',
        "[" * 50_000 + '"ImageObject"',
        '{"@type":"ImageObject","width":' + "9" * 10_000 + "}",
        '"ImageObject" NaN Infinity',
    ],
)
def test_data_that_is_none_gives_nothing(script: str) -> None:
    page = read(f'<script type="application/ld+json">{script}</script>')
    assert (page.pairs, page.dropped) == ((), {})
