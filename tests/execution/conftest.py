"""A task that writes shards of words, and what it writes undisturbed."""

from pathlib import Path

import pytest

from components.execution.shard_map import Outcome, map_shards
from components.storage.json_files import write_json

ITEMS = [f"word {n}" for n in range(6)]


def write(item: str, number: int, out: Path) -> Outcome:
    """Two files a shard."""
    (out / f"{number:05d}.txt").write_text(f"{item}\n" * 100)
    write_json(out / f"{number:05d}_stats.json", {"item": item})
    return Outcome({"words": 100, item: 1}, attempted=100)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="session")
def undisturbed(ray_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the six shards hold when nothing goes wrong."""
    finished, _ = map_shards(write, ITEMS, stage="test", work=tmp_path_factory.mktemp("undisturbed"))
    return contents(finished)
