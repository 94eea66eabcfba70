"""Parts of pages to mutate: addresses, values of `srcset`, JSON-LD, drawings."""

import gzip
import json


def addresses() -> list[bytes]:
    """A page's address, and references in it."""
    references = ("/a.png", "//cdn.example/b.png", "?page=2#top", "../../c d.png", "HTTP://User:pass@Host.example:80/é")
    hosts = ("http://[::1]:8000/", "https://bücher.example/%7Ea", "http://0x7f.1/", "https://a.example./?sig=1&key=2")
    return ["\n".join(("https://a.example/x/y.html", *references)).encode(), "\n".join(hosts).encode()]


def srcsets() -> list[bytes]:
    """Values of the attribute."""
    values = ("a.jpg 320w, b.jpg 640w", "a,b.jpg 1x, c.jpg 2.5x,", "data:image/png;base64,AA== 1w , d.jpg", "e.jpg")
    return [value.encode() for value in values]


def scripts() -> list[bytes]:
    """JSON-LD."""
    one = {"@type": "ImageObject", "contentUrl": "https://a.example/1.png", "caption": {"@value": "A crab"}}
    graph = {"@context": "https://schema.org", "@graph": [one, {"@type": ["Article"], "image": [one, {"@id": "#x"}]}]}
    return [json.dumps(one).encode(), f"<!-- {json.dumps(graph)}; --></script>{json.dumps([one])}".encode()]


def drawings() -> list[bytes]:
    """SVG."""
    plain = (
        "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' width='99' height='2in' "
        "viewBox='0 0 9 9'><defs><linearGradient id='g'><stop offset='0' stop-color='red'/></linearGradient><filter id='f'>"
        "<feGaussianBlur stdDeviation='2'/></filter><pattern id='p' width='2' height='2'><circle r='1'/></pattern></defs>"
        "<g id='a' transform='rotate(9)'><rect width='9' height='9' fill='url(#g)' filter='url(#f)'/></g>"
        "<use xlink:href='#a'/><image href='data:image/gif;base64,R0lGODlhAQABAAAAACw='/><path d='M0 0L9 9a1 1 0 0 1 2 2z'/>"
        "<text x='1'>A crab</text></svg>"
    )
    typed = "<!DOCTYPE svg [<!ENTITY e 'x'>]>" + plain.replace("A crab", "&e;")
    return [
        plain.encode(),
        f"<?xml version='1.0' encoding='iso-8859-1'?><!-- c -->{typed}".encode(),
        plain.encode("utf-16"),
        plain.replace("viewBox='0 0 9 9'", "").encode("utf-8-sig"),
        gzip.compress(plain.encode(), mtime=0),
    ]
