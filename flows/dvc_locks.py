"""DVC's own locks, which it leaves behind when it is killed.

A lock names its process by number alone. DVC drops it when no process has that number; when
another program got the number, DVC would wait for that program's end.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from components.storage.json_files import write_json

logger = logging.getLogger(__name__)

LOCKS = Path(".dvc/tmp/rwlock")


def drop_dead() -> None:
    """Drops locks of processes that are no DVC; a file that cannot be read holds no lock."""
    try:
        locks = json.loads(LOCKS.read_text(encoding="utf-8"))
        alive = {
            "write": {path: info for path, info in locks.get("write", {}).items() if _is_dvc(info)},
            "read": {
                path: readers
                for path, infos in locks.get("read", {}).items()
                if (readers := list(filter(_is_dvc, infos)))
            },
        }
    except FileNotFoundError:
        return
    except (ValueError, TypeError, KeyError, AttributeError):
        logger.warning("%s, which cannot be read, is removed: a kill or a full disk left it", LOCKS)
        LOCKS.unlink()
        return
    if alive != {"write": locks.get("write", {}), "read": locks.get("read", {})}:
        logger.warning("%s: locks of a killed DVC are dropped", LOCKS)
        write_json(LOCKS, alive)


def _is_dvc(info: Mapping[str, Any]) -> bool:
    try:
        return any(Path(word).name == "dvc" for word in psutil.Process(int(info["pid"])).cmdline())
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
