"""Synthetic web pages of about 50 kB with typical picture markup.

They are synthetic, as no archive may be committed. Their markup (navigation, scripts, styles,
figures, srcset, lazy loading, spacers, logos, tracking pixels) follows real pages. The same seed
gives the same bytes.
"""

import random
from collections.abc import Iterator

_WORDS = """
about above across after again air along always animal another around autumn bank beach before began behind between bird
black blue boat book both bridge bright brother brown build cat chair child city clear close cloud cold colour corner
country cross dark day deep dog door down early earth east eight enough evening every eye face fall family far farm
field find fire first fish five floor flower follow food foot forest four friend front full garden glass gold grass
great green ground group grow hand harbour head hill home horse hour house island kitchen lake land large late leaf left
light line little long machine market morning mountain move music never new next night north number ocean often old open
orange orchard paper park people picture place plant quiet rain red right river road rock roof room round sea season
second seven ship shore short side silver sky slow small snow some song south spring square star station stone story
street summer sun table tall three today tower town train travel tree turn under valley view village voice walk wall
warm water west white wind window winter wood word work world yellow young
""".split()  # noqa: SIM905 - readable
_SCRIPT = (
    "window.layers=window.layers||[];function track(e){layers.push({event:e,time:Date.now(),page:location.pathname})}"
)


def pages(number: int, seed: int = 1) -> Iterator[tuple[str, str]]:
    """`number` pages as (address, HTML); one in ten is short, one in fifty has no picture."""
    for n in range(number):
        rng = random.Random(seed * 1_000_003 + n)  # one generator per page, so that pages are independent
        yield f"https://www.site-{n % 400}.example/{_slug(rng)}-{n}.html", _page(rng, n)


def _page(rng: random.Random, n: int) -> str:
    paragraphs = 8 if n % 10 == 0 else 70
    pictures = 0 if n % 50 == 49 else 16
    title = _words(rng, 8).capitalize()
    body: list[str] = [_paragraph(rng) for _ in range(paragraphs)]
    for position in sorted((rng.randrange(paragraphs) for _ in range(pictures)), reverse=True):
        body.insert(position, _picture(rng))
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title} | Site</title>'
        f'<meta name="viewport" content="width=device-width"><meta name="description" content="{_words(rng, 20)}">'
        f'<meta property="og:title" content="{title}"><meta property="og:image" content="/img/{_slug(rng)}.jpg">'
        + "".join(f'<link rel="stylesheet" href="/css/{_slug(rng)}.css">' for _ in range(6))
        + f"<style>{_style(rng)}</style>"
        + "".join(f"<script>{_SCRIPT * 3}</script>" for _ in range(10))
        + "</head><body>"
        + f'<nav class="top"><ul>{_links(rng, 60)}</ul></nav><main><article><h1>{title}</h1>'
        + "".join(body)
        + f"</article></main><aside><ul>{_links(rng, 40)}</ul></aside><footer>"
        + '<img src="/logo.svg" alt="Site" width="120" height="40">'
        + '<img src="https://count.example/p.gif" width="1" height="1" alt=""></footer></body></html>'
    )


def _picture(rng: random.Random) -> str:
    source, alt = f"/images/{rng.randrange(10**6)}/{_slug(rng)}.jpg", _words(rng, rng.randrange(3, 9))
    sets = ", ".join(f"{source}?w={width} {width}w" for width in (320, 640, 1024, 2048))
    return rng.choice(
        [
            f'<img src="{source}" alt="{alt}" width="640" height="480">',
            f'<figure class="wide"><img src="{source}" srcset="{sets}" sizes="100vw" alt="{alt}">'
            f"<figcaption>{_words(rng, 12)}</figcaption></figure>",
            f'<picture><source type="image/webp" srcset="{sets}"><img src="{source}" alt="{alt}" loading="lazy"></picture>',
            f'<img class="lazy" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" data-src="{source}" alt="{alt}">',
            f'<a href="{source}"><img src="{source}" alt=""></a>',
            f'<img src="/icons/{_slug(rng)}.png" width="16" height="16" alt="{alt}">',
        ]
    )


def _paragraph(rng: random.Random) -> str:
    text = _words(rng, rng.randrange(40, 90))
    return f'<p class="text">{text} <a href="/{_slug(rng)}.html">{_words(rng, 3)}</a> {_words(rng, 10)}.</p>\n'


def _links(rng: random.Random, number: int) -> str:
    return "".join(
        f'<li class="item"><a class="link" href="/{_slug(rng)}/">{_words(rng, 2)}</a></li>' for _ in range(number)
    )


def _style(rng: random.Random) -> str:
    return "".join(f".{_slug(rng)}{{margin:0 {rng.randrange(40)}px;color:#333}}" for _ in range(60))


def _slug(rng: random.Random) -> str:
    return "-".join(rng.choices(_WORDS, k=3))


def _words(rng: random.Random, number: int) -> str:
    return " ".join(rng.choices(_WORDS, k=number))
