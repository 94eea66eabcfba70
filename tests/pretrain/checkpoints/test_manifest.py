"""A checkpoint's manifest names files of the checkpoint, and no others."""

import json

import pytest

from components.pretrain.checkpoints.manifest import FileDigest, Manifest


def text(name: str) -> str:
    return Manifest(1, 1, {}, 0, [], {name: FileDigest(1, "0")}).to_json()


def test_what_was_written_is_read() -> None:
    assert Manifest.from_json(text("towers.safetensors")).files == {"towers.safetensors": FileDigest(1, "0")}


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "..", ".", ""])
def test_a_name_outside_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no file of the checkpoint"):
        Manifest.from_json(text(name))
    assert json.loads(text(name))["files"], "as a hostile bucket may have it"
