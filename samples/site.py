"""Builds the archive of one site: pages, pictures, robots.txt and typical defects of the web."""

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from PIL import Image

from samples import pages, raster
from samples.concepts import Concept, Drawing
from samples.texts import GROUP_TITLES, PictureText, ShortCodes, picture_text

MARKUP = {
    "noto": "plain",
    "noto-v1": "source",
    "twemoji": "absolute",
    "openmoji": "srcset",
    "fluent-emoji-flat": "lazy",
    "emojione": "relative",
    "devicon": "lazy",
    "skill-icons": "source",
    "vscode-icons": "relative",
    "flag": "absolute",
    "simple-icons": "absolute",
}
SITE_NAMES = {
    "noto": "Noto Emoji",
    "noto-v1": "Noto Emoji, first edition",
    "twemoji": "Twemoji",
    "openmoji": "OpenMoji",
    "fluent-emoji-flat": "Fluent Emoji",
    "emojione": "Emoji One",
    "emojione-v1": "Emoji One, first edition",
    "fxemoji": "Firefox OS Emoji",
    "circle-flags": "Circle Flags",
    "flag": "Flag Icons",
    "flagpack": "Flagpack",
    "cif": "CoreUI Flags",
    "logos": "SVG Logos",
    "devicon": "Devicon",
    "skill-icons": "Skill Icons",
    "vscode-icons": "VSCode Icons",
    "material-icon-theme": "Material Icon Theme",
    "streamline-logos": "Streamline Logos",
    "cib": "CoreUI Brands",
    "bxl": "BoxIcons Logos",
    "fa6-brands": "Font Awesome Brands",
    "simple-icons": "Simple Icons",
}
ROBOTS = "User-agent: *\nDisallow: /private/\n\nUser-agent: greedy-bot\nDisallow: /\n"
_PRIVATE, _MIRRORED, _REFUSED, _THUMBNAILS = 6, 8, 2, 40
_BOMB_SIDE = 6000


@dataclass(frozen=True)
class Planted:
    """A near-copy of a benchmark picture on a site, with its path and its source file."""

    path: str
    image: bytes
    alt: str
    source: str
    concept: Concept


@dataclass
class Site:
    """The content of a site before it is written; `truth` maps picture paths to concepts.

    `left_out` counts drawings that equal a benchmark picture: sets draw some flags and people
    alike.
    """

    art_set: str
    port: int
    files: dict[str, bytes] = field(default_factory=dict)
    responses: dict[str, dict[str, Any]] = field(default_factory=dict)
    truth: dict[str, Concept] = field(default_factory=dict)
    left_out: int = 0

    @property
    def host(self) -> str:
        """Host name, without the port."""
        return f"{self.art_set}.localhost"

    @property
    def address(self) -> str:
        """Host and port, as in URLs."""
        return f"{self.host}:{self.port}"

    def answer(self, path: str, status: int = 200, **headers: str) -> None:
        """Sets the status and headers of a path (`X_Robots_Tag` → `X-Robots-Tag`)."""
        header_names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.responses[path] = {"status": status, "headers": header_names}

    def write(self, folder: Path) -> None:
        """Writes `SITE.zip`: uncompressed, sorted, with fixed times."""
        meta = {"host": self.host, "responses": self.responses}
        files = self.files | {"/_site.json": json.dumps(meta, indent=1, sort_keys=True).encode()}
        with zipfile.ZipFile(folder / f"{self.art_set}.zip", "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(files):
                archive.writestr(zipfile.ZipInfo(path.lstrip("/")), files[path])


@dataclass(frozen=True)
class Builder:
    """The settings that all sites share."""

    modules: Path
    short_codes: ShortCodes
    seed: int
    port: int
    page_pictures: int
    useless_share: float

    def build(
        self,
        art_set: str,
        served: list[tuple[Concept, Drawing]],
        planted: list[Planted],
        excluded: Sequence[tuple[Concept, Drawing]] = (),
    ) -> Site:
        """Builds a site; drawings that equal an `excluded` one are left out."""
        site = Site(art_set, self.port)
        forbidden = {raster.picture(self.modules, art_set, d.name, c.key) for c, d in excluded}
        style = raster.STYLES[art_set]
        shown: list[tuple[Concept, pages.ShownPicture]] = []
        for concept, drawing in served:
            path = f"/img/{drawing.name}.{style.format}"
            if path in site.files:  # the set has one icon for two concepts
                continue
            picture = raster.picture(self.modules, art_set, drawing.name, concept.key)
            if picture in forbidden:
                site.left_out += 1
                continue
            site.files[path] = picture
            site.truth[path] = concept
            text = picture_text(concept, drawing, self.short_codes, self.seed, self.useless_share)
            shown.append((concept, self._shown(site, path, text, len(shown))))
        index = self._galleries(site, shown)
        index += self._planted_page(site, planted)
        self._add_defects(site, shown, index)
        return site

    def _shown(self, site: Site, path: str, text: PictureText, position: int) -> pages.ShownPicture:
        side = raster.STYLES[site.art_set].side
        thumbnail = ""
        if MARKUP.get(site.art_set) == "srcset" and position < _THUMBNAILS:
            thumbnail = path.replace("/img/", "/img/32/")
            image = Image.open(io.BytesIO(site.files[path])).convert("RGBA").resize((32, 32))
            site.files[thumbnail] = raster.encode(image, raster.STYLES[site.art_set].format)
        return pages.ShownPicture(path, text.alt, text.caption, thumbnail, side)

    def _galleries(self, site: Site, shown: list[tuple[Concept, pages.ShownPicture]]) -> list[tuple[str, str]]:
        """Adds linked pages per group; returns the links of the front page."""
        index = []
        markup = MARKUP.get(site.art_set, "plain")
        for domain, members in groupby(shown, key=lambda pair: pair[0].domain):
            pictures = [picture for _, picture in members]
            parts = [pictures[i : i + self.page_pictures] for i in range(0, len(pictures), self.page_pictures)]
            title = f"{GROUP_TITLES[domain]} – {SITE_NAMES[site.art_set]}"
            for number, part in enumerate(parts, start=1):
                next_page = [(f"/{domain}/page-{number + 1}.html", "next page")] if number < len(parts) else []
                name = title if number == 1 else f"{title} – page {number}"
                body = pages.gallery(part, markup, site.address) + pages.links([("/", "home"), *next_page])
                site.files[f"/{domain}/page-{number}.html"] = pages.page(name, body).encode()
            index.append((f"/{domain}/page-1.html", GROUP_TITLES[domain]))
        return index

    def _planted_page(self, site: Site, planted: list[Planted]) -> list[tuple[str, str]]:
        if not planted:
            return []
        shown = []
        for copy in planted:
            site.files[copy.path] = copy.image
            site.truth[copy.path] = copy.concept
            shown.append(pages.ShownPicture(copy.path, copy.alt))
        body = pages.gallery(shown, "plain", site.address)
        site.files["/fan-art.html"] = pages.page(f"Fan art – {SITE_NAMES[site.art_set]}", body).encode()
        return [("/fan-art.html", "Fan art")]

    def _add_defects(
        self, site: Site, shown: list[tuple[Concept, pages.ShownPicture]], index: list[tuple[str, str]]
    ) -> None:
        """Adds disallowed pages, redirects, dead links, copies, and broken and huge pictures."""
        pictures = [picture for _, picture in shown]
        site.files["/robots.txt"] = ROBOTS.encode()
        site.files["/img/spacer.gif"] = _spacer()
        site.files["/img/ui-search.png"] = _plain_png(16, "#888888")
        index += [("/private/index.html", "Members"), ("/drafts.html", "Drafts"), ("/mirror.html", "Mirror")]
        index += [
            ("/old.html", "Old pages"),
            ("/gone.html", "A page that is gone"),
            ("/broken.html", "Broken pictures"),
        ]
        if site.port:  # an absolute link, to a redirect loop
            index += [(f"http://{site.address}/loop-a.html", "Round and round")]
        self._copies(site, pictures[:_PRIVATE], "private", "/private/index.html")
        self._copies(site, pictures[_PRIVATE : _PRIVATE + _MIRRORED], "mirror", "/mirror.html")
        drafts = pages.gallery(pictures[:_PRIVATE], "plain", site.address)
        site.files["/drafts.html"] = pages.page("Drafts", drafts).encode()
        site.answer("/drafts.html", X_Robots_Tag="noindex, nofollow")
        for picture in pictures[-_REFUSED:]:
            site.answer(picture.path, X_Robots_Tag="noimageai")
        site.answer("/old.html", 301, Location="/index.html")
        site.answer("/loop-a.html", 302, Location="/loop-b.html")
        site.answer("/loop-b.html", 302, Location="/loop-a.html")
        self._broken(site, pictures)
        site.files["/index.html"] = pages.page(SITE_NAMES[site.art_set], pages.links(index)).encode()

    def _copies(self, site: Site, pictures: list[pages.ShownPicture], folder: str, page: str) -> None:
        """Adds the same bytes under other URLs."""
        copies = []
        for picture in pictures:
            path = picture.path.replace("/img/", f"/{folder}/")
            site.files[path] = site.files[picture.path]
            site.truth[path] = site.truth[picture.path]
            copies.append(pages.ShownPicture(path, picture.alt, picture.caption, "", picture.side))
        site.files[page] = pages.page(
            f"{folder.capitalize()} – {SITE_NAMES[site.art_set]}", pages.gallery(copies, "plain", "")
        ).encode()

    def _broken(self, site: Site, pictures: list[pages.ShownPicture]) -> None:
        whole = site.files[pictures[0].path] if pictures else _plain_png(96, "#44cc44")
        moved = pictures[min(1, len(pictures) - 1)].path if pictures else "/img/ui-search.png"
        site.files["/img/cut-short.png"] = _plain_png(96, "#cc4444")[:60]
        site.files["/img/half.jpg"] = whole[: len(whole) // 2]
        site.files["/img/page-in-disguise.png"] = pages.page("Not a picture", "<p>Please log in.</p>").encode()
        site.files["/img/poster.png"] = _bomb()
        site.answer("/img/moved.png", 301, Location=moved)
        site.answer("/img/not-there.png", 404)
        names = ("cut-short.png", "half.jpg", "page-in-disguise.png", "poster.png", "moved.png", "not-there.png")
        shown = [pages.ShownPicture(f"/img/{name}", name.split(".")[0].replace("-", " ")) for name in names]
        shown.append(pages.ShownPicture("/img/ui-search.png", None))
        site.files["/broken.html"] = pages.page("Broken pictures", pages.gallery(shown, "plain", "")).encode()


def _plain_png(side: int, colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(buffer, "PNG")
    return buffer.getvalue()


def _spacer() -> bytes:
    buffer = io.BytesIO()
    Image.new("P", (1, 1)).save(buffer, "GIF")
    return buffer.getvalue()


def _bomb() -> bytes:
    """A decompression bomb: a few kilobytes with 36 million pixels."""
    buffer = io.BytesIO()
    Image.new("1", (_BOMB_SIDE, _BOMB_SIDE)).save(buffer, "PNG", compress_level=9)
    return buffer.getvalue()
