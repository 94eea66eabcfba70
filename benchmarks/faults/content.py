"""What a project holds: digests of results, versions in its registry, what is left of work."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

# What depends on the run: seconds, and the gate that asks for more than the champion of the time.
_TIMED, _DECIDED, _CHAMPION = "summary.json", "promote.json", "against champion"
_SECONDS = "seconds"  # of each stage, and of all
_SHOWN = ".html"

Content = dict[str, str]


def content(project: Path, outputs: Iterable[str]) -> Content:
    """File → digest, for all files of these outputs; of pages only whether they are whole."""
    return {str(file.relative_to(project)): _digest(file) for output in outputs for file in _files(project / output)}


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        yield from sorted(file for file in path.rglob("*") if file.is_file())


def _digest(file: Path) -> str:
    if file.suffix == _SHOWN:
        return "whole" if file.read_bytes().rstrip().endswith(b"</html>") else "half"
    text = file.read_bytes()
    if file.name in (_TIMED, _DECIDED):
        read = {key: value for key, value in json.loads(text).items() if not key.startswith(_SECONDS)}
        read["gates"] = {name: gate for name, gate in read.get("gates", {}).items() if _CHAMPION not in name}
        text = json.dumps(read).encode()
    return hashlib.sha256(text).hexdigest()[:16]


def registry_problems(project: Path) -> list[str]:
    """Doubled versions, missing or doubled aliases, runs that nobody ended."""
    database = project / "mlflow.db"
    if not database.exists():
        return []
    with closing(sqlite3.connect(database)) as connection:

        def rows(query: str) -> list[tuple[str, ...]]:
            return connection.execute(query).fetchall()

        digests = [row[0] for row in rows("select value from model_version_tags where key = 'sha256'")]
        versions = rows("select version, storage_location from model_versions")
        aliases = rows("select alias, version from registered_model_aliases")
        experiments = rows("select name from experiments where name = 'mofi'")
    found = []
    if len(digests) != len(set(digests)) or len(digests) != len(versions):
        found.append(f"registry: {len(versions)} versions of {len(set(digests))} models")
    if versions and len(aliases) != 1:
        found.append(f"registry: {len(versions)} versions, aliases {aliases}")
    if len(experiments) != 1:
        found.append(f"registry: {len(experiments)} experiments of one name")
    return found


def leftovers(project: Path) -> list[str]:
    """Unfinished work and half-written results, of which a finished command leaves nothing."""
    work = [path.parent for path in (project / ".work").glob("*/*/work.json")]
    patterns = ("*.part", ".*.old", ".*.new")
    halves = [
        path
        for folder in ("data", "models", "metrics", "reports", "exports")
        for pattern in patterns
        for path in (project / folder).rglob(pattern)
    ]
    return sorted(str(path.relative_to(project)) for path in (*work, *halves))
