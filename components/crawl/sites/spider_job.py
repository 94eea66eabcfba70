"""The input and output of a spider process."""

import json
from dataclasses import dataclass
from pathlib import Path

from components.crawl.parameters import CrawlParameters
from components.storage.json_files import write_json

PAIRS, COUNTS = "pairs.jsonl", "counts.json"


@dataclass(frozen=True)
class SpiderJob:
    """The job of one process, and the folder for its `pairs.jsonl` and `counts.json`."""

    site: str
    starts: tuple[str, ...]
    folder: Path
    parameters: CrawlParameters

    def write(self, path: Path) -> None:
        """Writes JSON."""
        content = {"site": self.site, "starts": self.starts, "folder": str(self.folder)}
        write_json(path, content | {"parameters": self.parameters.model_dump()})

    @classmethod
    def read(cls, path: Path) -> "SpiderJob":
        """Reads JSON."""
        content = json.loads(path.read_text(encoding="utf-8"))
        parameters = CrawlParameters.model_validate(content["parameters"])
        return cls(content["site"], tuple(content["starts"]), Path(content["folder"]), parameters)
