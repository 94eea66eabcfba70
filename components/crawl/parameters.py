"""The parameters of section `crawl`."""

import re
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from components.crawl.languages import DETECTED, canonical, declared
from components.section import Section

# A crawler's name in its User-Agent (RFC 9309, section 2.2.1).
_TOKEN = re.compile(r"\s*([A-Za-z0-9_.-]+)")
_COMPATIBLE = re.compile(r"\s*Mozilla/[^(]*\(compatible; *([A-Za-z0-9_.-]+)", re.IGNORECASE)
_YAML_WORDS = {False: "no", True: "yes"}
Resize = Literal["none", "keep_ratio", "center_crop", "border"]
Encode = Literal["keep", "jpg", "png", "webp"]


class CrawlParameters(Section):
    """Section `crawl` of params.yaml."""

    WITHOUT_EFFECT: ClassVar = frozenset({"held_bytes", "log_every", "max_error_share", "task_cpus"})

    user_agent: str = Field(
        description="the crawler's User-Agent, with a contact address; robots.txt is matched by its name",
        min_length=1,
        max_length=200,
    )
    depth: int = Field(description="link depth from a front page, 0 = the start pages only; 0 to 1000", ge=0, le=1000)
    pages: int = Field(description="maximum number of pages per site; 1 to 10000000", ge=1, le=10_000_000)
    connections: int = Field(description="maximum number of concurrent requests per host; 1 to 64", ge=1, le=64)
    delay: float = Field(
        description="seconds between two requests to one host, at least 1 for live sites; 0 to 3600", ge=0, le=3600
    )
    timeout: float = Field(description="timeout of one page or picture, seconds; over 0 to 600", gt=0, le=600)
    retries: int = Field(
        description="retries after a server error, a lost connection or a timeout; 0 to 10", ge=0, le=10
    )
    retry_delay: float = Field(
        description="seconds before the first retry of a picture, doubled each time; 0 to 600", ge=0, le=600
    )
    max_rest: float = Field(
        description="longest pause that is granted to Retry-After, seconds; 0 to 86400", ge=0, le=86_400
    )
    give_up_after: int = Field(
        description="consecutive failures after which a host is given up; 1 to 10000", ge=1, le=10_000
    )
    redirects: int = Field(description="maximum number of redirects; 0 to 20", ge=0, le=20)
    redirect_hosts: list[str] = Field(
        description="patterns of other hosts (*.cdn.example) that pictures' redirects are followed to; '*' = any"
    )
    max_page_bytes: int = Field(description="largest page, bytes; 1000 to 100000000", ge=1000, le=100_000_000)
    max_picture_bytes: int = Field(
        description="largest picture file, bytes; 1000 to 100000000", ge=1000, le=100_000_000
    )
    max_pixels: int = Field(
        description="pixels decoded at once, 4 bytes each; of larger JPEGs a half to an eighth of the size; 1000 to 100000000",
        ge=1000,
        le=100_000_000,
    )
    min_side: int = Field(
        description="shortest side of a picture, declared or decoded, px; 4 to 10000", ge=4, le=10_000
    )
    resize: Resize = Field(
        description="none, keep_ratio (shorter side at most `side`), center_crop (its centre square), border (white square)"
    )
    side: int = Field(description="side that pictures are reduced to, px; 16 to 10000", ge=16, le=10_000)
    encode: Encode = Field(
        description="keep (the format served; png for formats that not all browsers show), jpg, png or webp"
    )
    quality: int = Field(description="quality of pictures that are re-encoded as jpg or webp; 1 to 100", ge=1, le=100)
    candidate_width: int = Field(
        description="width that srcset candidates are chosen for, px: the widest up to it, "
        "or a wider one if that has less than half; 16 to 100000",
        ge=16,
        le=100_000,
    )
    sources: list[str] = Field(
        description="files with pairs, KIND:LOCATION (wat:s3://bucket/*.wat.gz); KIND is warc, wat, urls or img2dataset"
    )
    url_column: str = Field(
        description="URL column of lists: its name, or its number from 0; empty = detected by its usual names",
        max_length=200,
    )
    text_column: str = Field(
        description="text column of lists: its name, or its number from 0; empty = detected by its usual names",
        max_length=200,
    )
    min_text: int = Field(description="shortest text, characters; 1 to 1000", ge=1, le=1000)
    languages: list[str] = Field(
        description="accepted languages of texts, by code (en, in any case), as the detector knows them; empty = all"
    )
    language_certainty: float = Field(
        description="minimum probability of a text's detected language; below it the page's language counts; 0 to 1",
        ge=0,
        le=1,
    )
    max_text: int = Field(
        description="longest alt text, caption or title, characters; longer ones are truncated; 16 to 100000",
        ge=16,
        le=100_000,
    )
    shard_size: int = Field(description="maximum number of pictures per shard; 1 to 10000", ge=1, le=10_000)
    allow_private_hosts: list[str] = Field(
        description="patterns of hosts (*.localhost) that may have loopback, private or link-local addresses"
    )
    hold_out_difference: float = Field(
        description="largest difference between a near-copy and its hold-out picture after alignment, grey levels; 0 to 64",
        ge=0,
        le=64,
    )
    duplicates: Literal["mark", "drop"] = Field(
        description="duplicates of an earlier picture of the crawl: mark (in the index) or drop (remove)"
    )
    near_bits: int = Field(
        description="maximum number of differing bits between the hashes of near-copies; 0 to 8", ge=0, le=8
    )
    near_colours: int = Field(
        description="largest difference between near-copies in any mean colour of 8 x 8 blocks, grey levels; 0 to 64",
        ge=0,
        le=64,
    )
    part_pairs: int = Field(
        description="approximate number of pairs per part; one task downloads a part, hosts are not split; 1 to 10000000",
        ge=1,
        le=10_000_000,
    )
    max_repeats: int = Field(
        description="pictures of a site that may share a text; more are boilerplate; 1 to 1000000",
        ge=1,
        le=1_000_000,
    )
    requests: int = Field(
        description="maximum number of concurrent requests per task, plus up to 256 slower than a second; 1 to 1000",
        ge=1,
        le=1000,
    )
    held_bytes: int = Field(
        description="bytes of undecoded pictures, whole or not, above which a task reads no more; 1000 to 10000000000",
        ge=1000,
        le=10_000_000_000,
    )
    task_cpus: float = Field(
        description="CPUs per task (a site's pages, a part's pictures); below 1, several share a CPU; 0.01 to 64",
        ge=0.01,
        le=64,
    )
    log_every: float = Field(description="seconds between progress lines in the log; 0.1 to 3600", ge=0.1, le=3600)
    max_error_share: float = Field(
        description="share of pages or pictures lost to server, network or file errors above which the stage stops, 0 to 1",
        ge=0,
        le=1,
    )

    @field_validator("user_agent")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.isascii() or not value.isprintable() or not value.strip():
            raise ValueError("use printable ASCII on one line, e.g. 'mofi-crawl/0.1 (+https://example.org/contact)'")
        return value

    @field_validator("url_column", "text_column", mode="before")
    @classmethod
    def _number_or_name(cls, value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("user_agent")
    @classmethod
    def _names_a_robot(cls, value: str) -> str:
        if not _robot(value):
            raise ValueError("begin with the crawler's name, e.g. 'mofi-crawl/0.1 (+https://example.org/contact)'")
        return value

    @field_validator("languages", mode="before")
    @classmethod
    def _known_languages(cls, value: Any) -> Any:
        return [_known_language(one) for one in value] if isinstance(value, list) else value

    @property
    def robot(self) -> str:
        """The robot's name in robots.txt: `mofi-crawl` for `mofi-crawl/0.1 (…)`."""
        return _robot(self.user_agent)


def _robot(user_agent: str) -> str:
    """The product token, in lower case; empty if there is none.

    It is the first word, or the one after `compatible;` where crawlers call themselves Mozilla.
    """
    match = _COMPATIBLE.match(user_agent) or _TOKEN.match(user_agent)
    return match[1].strip(".-").lower() if match else ""


def _known_language(code: Any) -> Any:
    """A language's code in lower case; values of other types are left to the schema.

    Raises:
        ValueError: if no text can be detected as that language, so that all would be dropped.
    """
    if isinstance(code, bool):
        word = _YAML_WORDS[code]
        raise ValueError(f'without quotes YAML reads {word} as {code}; for the language write "{word}" in quotes')
    if not isinstance(code, str):
        return code
    known = code.strip().lower()
    if known in DETECTED or (canonical(known) in DETECTED and len(known) == 2):
        return known
    same = declared(known.replace("_", "-"))
    meant = f"; write {same}" if same in DETECTED else ""
    raise ValueError(f"{code!r} is no language that can be detected{meant}; there are {', '.join(sorted(DETECTED))}")
