"""Captions of pictures: `<figcaption>`, and what platforms write in place of it."""

from collections.abc import Iterable, Iterator
from itertools import islice

from selectolax.lexbor import LexborHTMLParser, LexborNode

from components.crawl.pages.page import collapse

# WordPress (`wp-caption-text`, `gallery-caption`), Wikipedia (`gallerytext`, `thumbcaption`),
# Blogger (`tr-caption`), Bootstrap (`carousel-caption`), and names that many themes use.
_CLASSES = frozenset(
    """wp-caption-text gallery-caption gallerytext thumbcaption tr-caption carousel-caption image-caption image__caption
    img-caption photo-caption picture-caption media-caption figure-caption""".split()  # noqa: SIM905 - readable
)
# What holds a picture and its caption, where that is not the caption's parent.
_CONTAINERS = frozenset(
    "wp-caption gallery-item gallerybox thumbinner tr-caption-container carousel-item item figure".split()  # noqa: SIM905 - readable
)
_MAX_CONTAINER = 5  # ancestors of a caption among which its container is
_MAX_FIGURES = 64  # ancestors of a `<figcaption>` among which its figures are
# Nodes that are read of a caption and of all captions of a page; real ones have a few each.
# Captions can be nested in captions, so that reading each whole takes the square of their number.
_MAX_NODES, _MAX_PAGE_NODES = 500, 200_000
_FIGURE = LexborHTMLParser("<figure>").tags("figure")[0].tag_id  # numbers compare faster than names


class Captions:
    """The captions of one page by the elements that hold them; each is found and read once.

    `marked` are the elements whose class may say that they are a caption.
    """

    def __init__(self, tree: LexborHTMLParser, marked: Iterable[LexborNode], max_text: int) -> None:
        self._tree = tree
        self._max_text = max_text
        self._figures: dict[int, LexborNode] | None = None
        self._containers = dict(_contained(marked))
        self._texts: dict[int, str] = {}
        self._nodes_left = _MAX_PAGE_NODES

    @property
    def marked(self) -> bool:
        """Whether there are captions other than those of figures."""
        return bool(self._containers)

    def of_figure(self, figure: LexborNode) -> str:
        """The first caption in a `<figure>`; empty if there is none."""
        if self._figures is None:
            self._figures = _by_figure(self._tree.tags("figcaption"))
        return self._text(self._figures.get(figure.mem_id))

    def of_ancestors(self, ancestors: Iterable[int]) -> str:
        """The caption of the nearest container, by the ancestors' `mem_id`."""
        nearest = next((self._containers[one] for one in ancestors if one in self._containers), None)
        return self._text(nearest)

    def _text(self, element: LexborNode | None) -> str:
        if element is None:
            return ""
        if element.mem_id not in self._texts:
            self._texts[element.mem_id] = collapse(self._read(element), self._max_text)
        return self._texts[element.mem_id]

    def _read(self, element: LexborNode) -> str:
        """At least as many characters as `collapse` looks at, as far as the nodes last."""
        found: list[str] = []
        characters, nodes = 4 * self._max_text, min(_MAX_NODES, self._nodes_left)
        for node in islice(element.traverse(include_text=True), nodes):
            self._nodes_left -= 1
            if node.is_text_node:
                found.append(node.text(deep=False))
                characters -= len(found[-1])
                if characters < 0:
                    break
        return "".join(found)


def _by_figure(captions: Iterable[LexborNode]) -> dict[int, LexborNode]:
    """Figures → their first `<figcaption>`."""
    found: dict[int, LexborNode] = {}
    for caption in captions:
        for ancestor in _ancestors(caption, _MAX_FIGURES):
            if ancestor.tag_id == _FIGURE:
                found.setdefault(ancestor.mem_id, caption)
    return found


def _contained(captions: Iterable[LexborNode]) -> Iterator[tuple[int, LexborNode]]:
    """Containers and their caption, the last one first, so that a dictionary keeps the first."""
    known: dict[int, bool] = {}
    for caption in reversed(list(captions)):
        if _CLASSES.isdisjoint(_classes(caption)):
            continue
        ancestors = list(_ancestors(caption, _MAX_CONTAINER))
        holders = (one for one in ancestors if _holds(one, known))
        container = next(holders, ancestors[0] if ancestors else None)
        if container is not None and container.tag not in ("body", "html"):
            yield container.mem_id, caption


def _holds(element: LexborNode, known: dict[int, bool]) -> bool:
    """Whether an element's class says that it holds a picture and a caption; it is read once."""
    if element.mem_id not in known:
        known[element.mem_id] = not _CONTAINERS.isdisjoint(_classes(element))
    return known[element.mem_id]


def _classes(element: LexborNode) -> list[str]:
    return (element.attributes.get("class") or "").split()


def _ancestors(element: LexborNode, number: int) -> Iterator[LexborNode]:
    parent = element.parent
    while parent is not None and number:
        yield parent
        parent, number = parent.parent, number - 1
