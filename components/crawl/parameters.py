"""The knobs of crawling."""

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from components.section import Section

Resize = Literal["none", "keep_ratio", "center_crop", "border"]
Encode = Literal["keep", "jpg", "png", "webp"]


class CrawlParameters(Section):
    """Section `crawl` of params.yaml."""

    WITHOUT_EFFECT: ClassVar = frozenset({"held_bytes", "log_every", "max_error_share", "task_cpus"})

    user_agent: str = Field(
        description="how the crawler names itself, with an address to reach you; robots.txt is matched by its first word",
        min_length=1,
        max_length=200,
    )
    depth: int = Field(
        description="links followed from a front page, 0 = the start pages only; 0 to 1000", ge=0, le=1000
    )
    pages: int = Field(description="pages asked of one site, at most; 1 to 10000000", ge=1, le=10_000_000)
    connections: int = Field(description="requests under way at one host, at most; 1 to 64", ge=1, le=64)
    delay: float = Field(
        description="seconds between two requests to one host, 1 or more for live sites; 0 to 3600", ge=0, le=3600
    )
    timeout: float = Field(description="seconds that one page or picture may take; over 0 to 600", gt=0, le=600)
    retries: int = Field(
        description="further attempts after a server's error, a lost connection or a timeout; 0 to 10", ge=0, le=10
    )
    retry_delay: float = Field(
        description="seconds before the first further attempt at a picture, doubled each time; 0 to 600", ge=0, le=600
    )
    max_rest: float = Field(
        description="longest pause that a server may ask for with Retry-After, seconds; 0 to 86400", ge=0, le=86_400
    )
    give_up_after: int = Field(
        description="failures in a row after which a host is asked for no more pictures; 1 to 10000", ge=1, le=10_000
    )
    redirects: int = Field(description="redirects followed one after the other, at most; 0 to 20", ge=0, le=20)
    max_page_bytes: int = Field(description="largest page, bytes; 1000 to 100000000", ge=1000, le=100_000_000)
    max_picture_bytes: int = Field(
        description="largest picture file, bytes; 1000 to 100000000", ge=1000, le=100_000_000
    )
    max_pixels: int = Field(
        description="largest picture, pixels after decoding; 1000 to 20000000", ge=1000, le=20_000_000
    )
    min_side: int = Field(
        description="shortest side of a picture, declared or decoded, px; 4 to 10000", ge=4, le=10_000
    )
    resize: Resize = Field(
        description="none, keep_ratio (shorter side at most `side`), center_crop (middle square of that), border (white square)"
    )
    side: int = Field(description="side that pictures are reduced to, px; 16 to 10000", ge=16, le=10_000)
    encode: Encode = Field(
        description="keep (the format served, png for what browsers do not all show), jpg, png or webp"
    )
    quality: int = Field(description="of pictures that are encoded anew as jpg or webp; 1 to 100", ge=1, le=100)
    candidate_width: int = Field(
        description="widest candidate of a srcset that is taken, px; 16 to 100000", ge=16, le=100_000
    )
    sources: list[str] = Field(
        description="files to take pairs from, KIND:LOCATION (wat:s3://bucket/*.wat.gz), KIND warc, wat, urls or img2dataset"
    )
    url_column: str = Field(
        description="column of addresses in lists; empty = found by its usual names", max_length=200
    )
    text_column: str = Field(description="column of texts in lists; empty = found by its usual names", max_length=200)
    min_text: int = Field(description="shortest text, characters; 1 to 1000", ge=1, le=1000)
    languages: list[str] = Field(description="languages of texts, two letters (en); empty = all")
    language_certainty: float = Field(
        description="least probability at which a text's own language counts, else its page's; 0 to 1", ge=0, le=1
    )
    max_text: int = Field(
        description="longest alt text, caption or title, characters; the rest is cut; 16 to 100000", ge=16, le=100_000
    )
    shard_size: int = Field(description="pictures in one shard, at most; 1 to 10000", ge=1, le=10_000)
    allow_private_hosts: list[str] = Field(
        description="patterns of hosts (*.localhost) that may have loopback, private or link-local addresses"
    )
    hold_out_difference: float = Field(
        description="largest difference of a near-copy from its hold-out picture after alignment, grey levels; 0 to 64",
        ge=0,
        le=64,
    )
    duplicates: Literal["mark", "drop"] = Field(
        description="pictures that repeat an earlier one of the crawl: mark (in the index) or drop (take them out)"
    )
    near_bits: int = Field(description="bits in which the hashes of near-copies differ, at most; 0 to 8", ge=0, le=8)
    near_colours: int = Field(
        description="largest difference of near-copies in any of 8 x 8 fields' mean colours, grey levels; 0 to 64",
        ge=0,
        le=64,
    )
    part_pairs: int = Field(
        description="pairs of a part, about; a part is downloaded by one task, and hosts are not split; 1 to 10000000",
        ge=1,
        le=10_000_000,
    )
    max_repeats: int = Field(
        description="pictures of one site that may share a text, more are boilerplate; 1 to 1000000", ge=1, le=1_000_000
    )
    requests: int = Field(
        description="requests of one task under way, over all hosts, beside up to 256 that take longer than a second; 1 to 1000",
        ge=1,
        le=1000,
    )
    held_bytes: int = Field(
        description="bytes of pictures that wait to be decoded, at which a task asks for no more; 1000 to 10000000000",
        ge=1000,
        le=10_000_000_000,
    )
    task_cpus: float = Field(
        description="CPUs that a task (a site's pages, a part's pictures) takes; below 1 more run at once; 0.01 to 64",
        ge=0.01,
        le=64,
    )
    log_every: float = Field(description="seconds between lines of progress; 0.1 to 3600", ge=0.1, le=3600)
    max_error_share: float = Field(
        description="share of pages or pictures lost to errors of servers, lines or files above which the stage stops, 0 to 1",
        ge=0,
        le=1,
    )

    @field_validator("user_agent")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.isascii() or not value.isprintable() or not value.strip():
            raise ValueError("use printable ASCII on one line, e.g. 'mofi-crawl/0.1 (+https://example.org/contact)'")
        return value

    @property
    def robot(self) -> str:
        """The name that robots.txt and robots directives are matched by: `mofi-crawl` of `mofi-crawl/0.1 (…)`."""
        return self.user_agent.split()[0].partition("/")[0].lower()
