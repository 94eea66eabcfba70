"""Groups the icons of all art sets into concepts, which several artists have drawn."""

import hashlib
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EMOJI_SETS = ("noto", "noto-v1", "twemoji", "openmoji", "fluent-emoji-flat", "emojione", "emojione-v1", "fxemoji")
FLAG_SETS = ("circle-flags", "flag", "flagpack", "cif")
BRAND_SETS = (
    "logos",
    "devicon",
    "skill-icons",
    "vscode-icons",
    "material-icon-theme",
    "streamline-logos",
    "cib",
    "bxl",
    "fa6-brands",
    "simple-icons",
)
COMMUNITIES = ("cldr", "emojibase", "github", "iamcal", "joypixels")
SETS = EMOJI_SETS + FLAG_SETS + BRAND_SETS
# Sets that share art: their drawings of one concept are almost identical.
FOUNDRIES = {"noto-v1": "noto", "emojione-v1": "emojione", "flag": "flag-icons", "cif": "coreui", "cib": "coreui"}

_COMPONENT_GROUP, _FLAG_GROUP = 2, 9
# Prefixes and suffixes that brand sets add to a brand's name.
_BRAND_PREFIX = {"vscode-icons": ("file-type-light-", "file-type-")}
_BRAND_SUFFIX = {
    "logos": ("-icon", "-wordmark"),
    "devicon": ("-wordmark", "-original", "-plain", "-line"),
    "skill-icons": ("-dark", "-light"),
    "streamline-logos": ("-logo-1", "-logo-2", "-logo-3", "-logo-block", "-logo-solid", "-logo"),
    "bxl": ("-logo", "-alt", "-circle", "-square"),
    "fa6-brands": ("-alt", "-logo"),
    "material-icon-theme": ("-light",),
    "vscode-icons": (),
}
# Variants of a brand in one set, best first: the mark rather than the wordmark.
_BRAND_RANK = ("-icon", "-original", "-logo-block", "-light", "-logo", "", "-plain", "-logo-solid", "-line", "-dark")


@dataclass(frozen=True)
class Drawing:
    """One icon of one set."""

    art_set: str
    name: str


@dataclass(frozen=True)
class Concept:
    """The subject of pictures; its key is like `emoji:1F980`, `flag:JP` or `brand:python`."""

    key: str
    domain: str
    label: str
    tags: tuple[str, ...]
    drawings: tuple[Drawing, ...]


def held_out(key: str) -> bool:
    """Whether a concept is in the benchmark: a quarter of all, chosen by a hash of the key."""
    return int(hashlib.sha256(key.encode()).hexdigest(), 16) % 4 == 0


def foundry(art_set: str) -> str:
    """The foundry of a set; sets of one foundry have similar drawings."""
    return FOUNDRIES.get(art_set, art_set)


def read_json(modules: Path, name: str) -> Any:
    """Reads a JSON file of a package."""
    return json.loads((modules / name).read_text(encoding="utf-8"))


def icon_names(modules: Path, art_set: str) -> list[str]:
    """All visible icons of a set, including aliases, sorted."""
    data = read_json(modules, f"@iconify-json/{art_set}/icons.json")
    icons = data["icons"] | data.get("aliases", {})
    return sorted(name for name, icon in icons.items() if not icon.get("hidden"))


def all_concepts(modules: Path, drawings: int) -> list[Concept]:
    """All concepts with at least `drawings` drawings, sorted by domain and key."""
    concepts = [*_emoji_and_flags(modules), *_brands(modules)]
    return sorted((c for c in concepts if len(c.drawings) >= drawings), key=lambda c: (c.domain, c.key))


def _emoji_and_flags(modules: Path) -> list[Concept]:
    emoji = read_json(modules, "emojibase-data/en/data.json")
    groups = {g["order"]: g["key"] for g in read_json(modules, "emojibase-data/en/messages.json")["groups"]}
    known = _character_names(modules, [e for e in emoji if e.get("group") not in (None, _COMPONENT_GROUP)])
    names_of = {s: _by_character(modules, s, known) for s in EMOJI_SETS}
    flags = {s: _by_territory(modules, s) for s in FLAG_SETS}
    concepts = []
    for entry in emoji:
        if entry.get("group") in (None, _COMPONENT_GROUP):
            continue
        character = _plain(entry["hexcode"])
        drawings = [Drawing(s, names_of[s][character]) for s in EMOJI_SETS if character in names_of[s]]
        code = territory_code(entry["hexcode"])
        if code is None:
            domain, key, label = groups[entry["group"]], f"emoji:{entry['hexcode']}", entry["label"]
        else:
            drawings += [Drawing(s, flags[s][code]) for s in FLAG_SETS if code in flags[s]]
            domain, key, label = "flags", f"flag:{code}", entry["label"].removeprefix("flag: ")
        concepts.append(Concept(key, domain, label, tuple(entry.get("tags", ())), tuple(drawings)))
    return concepts


def _plain(hexcode: str) -> str:
    """A hexcode without variation selectors, in lower case as in the sets."""
    return "-".join(part for part in hexcode.lower().split("-") if part != "fe0f")


def _by_character(modules: Path, art_set: str, names: dict[str, str]) -> dict[str, str]:
    """Character → icon of a set, by the set's own table if it has one, else by the icons' names."""
    known = icon_names(modules, art_set)
    characters = read_json(modules, f"@iconify-json/{art_set}/chars.json")
    found: dict[str, str] = {}
    for name in known:
        character = names.get(_letters(name))
        if character is not None:
            found.setdefault(character, name)
    return found | {_plain(code): name for code, name in sorted(characters.items()) if name in set(known)}


def _character_names(modules: Path, emoji: list[dict[str, Any]]) -> dict[str, str]:
    """All names of characters in emojibase and the sets' tables; the first source wins.

    Sets without a table of characters use older or looser variants of these names.
    """
    labels = {_letters(e["label"]): _plain(e["hexcode"]) for e in emoji}
    flags = {n.removeprefix("flag"): c for n, c in labels.items() if territory_code(c.upper())}
    labels |= {start + name: c for name, c in flags.items() for start in ("flagfor", "flagforflag")}
    sources: list[dict[str, str]] = [labels]
    wanted = set(labels.values())
    for art_set in EMOJI_SETS:
        characters = read_json(modules, f"@iconify-json/{art_set}/chars.json")
        sources.append({_letters(name): _plain(code) for code, name in sorted(characters.items())})
    for community in COMMUNITIES:
        codes = read_json(modules, f"emojibase-data/en/shortcodes/{community}.json")
        sources.append({_letters(name): _plain(code) for code, names in codes.items() for name in several(names)})
    merged: dict[str, str] = {}
    for source in sources:
        for name, character in source.items():
            if character in wanted:
                merged.setdefault(name, character)
    return merged


def several(names: str | list[str]) -> list[str]:
    """A list of names; emojibase has a single one as a string."""
    return [names] if isinstance(names, str) else names


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower().replace("&", "and"))


def territory_code(hexcode: str) -> str | None:
    """`JP` for regional indicators J and P, `GB-ENG` for a tag sequence, None for other emoji."""
    points = [int(part, 16) for part in hexcode.split("-") if part != "FE0F"]
    if len(points) == 2 and all(0x1F1E6 <= p <= 0x1F1FF for p in points):
        return "".join(chr(p - 0x1F1E6 + ord("A")) for p in points)
    if points[0] == 0x1F3F4 and points[-1] == 0xE007F:
        letters = "".join(chr(p - 0xE0000) for p in points[1:-1]).upper()
        return f"{letters[:2]}-{letters[2:]}"
    return None


def _by_territory(modules: Path, art_set: str) -> dict[str, str]:
    suffix = "-4x3" if art_set == "flag" else ""
    names = [n for n in icon_names(modules, art_set) if n.endswith(suffix)]
    return {n.removesuffix(suffix).upper(): n for n in names}


def _brands(modules: Path) -> list[Concept]:
    drawn: dict[str, dict[str, str]] = defaultdict(dict)
    for art_set in BRAND_SETS:
        for key, name in _brand_icons(icon_names(modules, art_set), art_set).items():
            drawn[key][art_set] = name
    titles = {brand["slug"]: brand["title"] for brand in _simple_icons(modules)}
    return [
        Concept(
            f"brand:{key}",
            "brands",
            titles.get(names.get("simple-icons", key), titles.get(key, _title(names))),
            (),
            tuple(Drawing(art_set, names[art_set]) for art_set in BRAND_SETS if art_set in names),
        )
        for key, names in sorted(drawn.items())
    ]


def _simple_icons(modules: Path) -> list[dict[str, Any]]:
    icons: list[dict[str, Any]] = read_json(modules, "simple-icons/data/simple-icons.json")
    return icons


def brand_colours(modules: Path) -> dict[str, str]:
    """Brand key → the brand's colour (`#rrggbb`), from simple-icons."""
    return {brand["slug"]: f"#{brand['hex'].lower()}" for brand in _simple_icons(modules)}


def _title(names: dict[str, str]) -> str:
    art_set = next(iter(names))
    return _brand_stem(names[art_set], art_set)[0].replace("-", " ").capitalize()


def _brand_icons(names: list[str], art_set: str) -> dict[str, str]:
    """Brand key → the set's best icon."""
    best: dict[str, tuple[int, str]] = {}
    for name in names:
        if name.startswith(("folder-", "default-")) or "-wordmark" in name or name == "file":
            continue
        stem, suffix = _brand_stem(name, art_set)
        key = _letters(stem)
        rank = _BRAND_RANK.index(suffix) if suffix in _BRAND_RANK else len(_BRAND_RANK)
        if key and (key not in best or (rank, name) < best[key]):
            best[key] = (rank, name)
    return {key: name for key, (_, name) in sorted(best.items())}


def _brand_stem(name: str, art_set: str) -> tuple[str, str]:
    """`devicon`'s `python-plain` → (`python`, `-plain`)."""
    for prefix in _BRAND_PREFIX.get(art_set, ()):
        name = name.removeprefix(prefix)
    for suffix in _BRAND_SUFFIX.get(art_set, ()):
        if name.endswith(suffix) and len(name) > len(suffix):
            return name.removesuffix(suffix), suffix
    return name, ""
