"""MLflow's SQLite database: one process at a time changes it, and it moves with its folder."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from components.storage.claims import claim_file, release_file

logger = logging.getLogger(__name__)

# Columns that hold absolute places of artifacts, by table.
_PLACES = {
    "experiments": "artifact_location",
    "runs": "artifact_uri",
    "logged_models": "artifact_location",
    "model_versions": "storage_location",
}
_PATIENCE = 20.0  # seconds that a locked database is waited for


def file_of(address: str) -> Path | None:
    """The file of a SQLite address; None of a server's, or of a database in memory."""
    scheme, _, path = address.partition("///")
    name = unquote(path.partition("?")[0])
    return Path(name) if scheme.startswith("sqlite") and name and name != ":memory:" else None


@contextmanager
def alone(address: str) -> Iterator[None]:
    """Keeps other processes of this machine away from a SQLite database; a server copes itself.

    Two first uses at once would both make its tables, and two promotions both a version.

    Raises:
        OSError: if the lock's file cannot be made.
    """
    file = file_of(address)
    if file is None:
        yield
        return
    path = file.absolute().with_name(f"{file.name}.lock")
    new = claim_file(path, file, wait=True)
    try:
        yield
    finally:
        if new:
            release_file(path)


def follow(file: Path, artifacts: Path) -> bool:
    """Makes the database find its artifacts in a project that was moved or copied with them.

    MLflow notes absolute places. Those below a folder of the same name elsewhere become places
    below `artifacts`, if what the database knows is here or no longer there.

    Returns:
        Whether anything changed.

    Raises:
        sqlite3.Error: if the database is locked for long, or is none.
    """
    if not file.is_file() or not file.stat().st_size:
        return False
    here = artifacts.absolute()
    with closing(sqlite3.connect(file, timeout=_PATIENCE)) as connection, connection:
        known = {
            row[0]
            for row in _rows(
                connection, "SELECT DISTINCT artifact_location FROM experiments WHERE artifact_location IS NOT NULL"
            )
        }
        left = [place for place in known if _is_left(place, here)]
        for place in left:
            logger.warning("the project was moved: MLflow's artifacts of %s are looked for in %s", place, here.as_uri())
            for table, column in _PLACES.items():
                with suppress(sqlite3.OperationalError):  # of another version of MLflow, without that table
                    connection.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",  # noqa: S608
                        (here.as_uri(), len(place) + 1, len(place), place),
                    )
    return bool(left)


def _rows(connection: sqlite3.Connection, query: str) -> list[tuple[str]]:
    try:
        return connection.execute(query).fetchall()
    except sqlite3.OperationalError as error:
        if "no such" in str(error):
            return []  # a database without tables yet
        raise


def _is_left(place: str, here: Path) -> bool:
    """Whether artifacts of that place now lie in `here`."""
    parts = urlsplit(place)
    there = Path(unquote(parts.path))
    if parts.scheme != "file" or there.name != here.name or there == here:
        return False
    if there.exists() and here.exists() and there.samefile(here):
        return False
    return here.exists() or not there.exists()
