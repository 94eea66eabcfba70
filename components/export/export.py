"""Exports a model to another program's format, after checking its embeddings."""

import logging
from pathlib import Path
from typing import Any

from components.errors import SetupError
from components.execution import publication
from components.export.formats import Format
from components.models.find import FoundModel, find_model
from components.models.load import load_model
from components.redaction import show_url
from components.registry.provenance import digest
from components.storage.atomic import new_folder
from components.storage.json_files import read_json, write_json
from components.storage.layout import Layout
from components.storage.output import output
from components.storage.work import fingerprint

logger = logging.getLogger(__name__)

CARD = "mofi.json"
LAYOUT = Layout("mofi export", (CARD,), key="made_by")


def export_model(location: str, to: Format, out: Path) -> dict[str, Any]:
    """Writes `out` completely or not at all; returns the content of its `mofi.json`.

    Args:
        location: see `find_model`.
        to: the format.
        out: a folder, which is replaced; it may not be the model's own.

    Raises:
        InputError: if there is no such model, the format cannot hold it, or `out` is its own
            folder.
        SetupError: if a package is missing.
        MofiError: if the exported model embeds differently.
    """
    with output(out, LAYOUT, [location]):
        return _export(location, to, out)


def _export(location: str, to: Format, out: Path) -> dict[str, Any]:
    found = find_model(location)
    local = found.local()
    publication.check(out, [Path(local)] if Path(local).is_dir() else [])
    model = load_model(local)
    model.towers.eval()
    with new_folder(out) as written:
        try:
            if to is Format.HF:
                from components.export.hugging_face import write
            else:
                from components.export.onnx_files import write
            facts = write(model, written)
        except ImportError as error:
            raise SetupError(f"{error}; pip install 'mofi-platform[export]'") from error
        card = {"made_by": "mofi export", "format": str(to), "from": _source(location, found, local), **facts}
        write_json(written / CARD, card)
    return card


def _source(location: str, found: FoundModel, local: str) -> dict[str, Any]:
    """The exported model: location, fingerprint, and of a folder its digest and card."""
    folder = Path(local)
    source: dict[str, Any] = {"location": show_url(location), "fingerprint": fingerprint(*found.mark)}
    if folder.is_dir():
        source["sha256"] = digest(folder)
        if (folder / CARD).is_file():
            source["card"] = read_json(folder / CARD)
    return source
