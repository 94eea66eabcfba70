"""A Wikidata item as the packages exchange it."""

from typing import NamedTuple


class Entity(NamedTuple):
    """What is kept of an item; its row number is its position in the table, not a field."""

    entity_id: str
    label: str
    description: str
    aliases: tuple[str, ...]
    instance_of: tuple[str, ...]
    subclass_of: tuple[str, ...]
    sitelinks: int
    image: str
    title: str = ""  # of the Wikipedia article, in the first of the chosen languages that has one
