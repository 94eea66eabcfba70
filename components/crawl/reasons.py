"""Why pages, pairs and pictures are lost: each reason, what it means, and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["error", "refusal", "absent", "unfit"]
# What kinds of losses mean for the crawl, in the order of the page.
KINDS: dict[Kind, str] = {
    "error": "Errors of servers, connections or files; they count towards max_error_share",
    "refusal": "Not allowed; the crawl complies",
    "absent": "Not there",
    "unfit": "There, but unsuitable",
}


@dataclass(frozen=True)
class Reason:
    """A reason: its name for people, its kind, what it means, and what changes it."""

    title: str
    kind: Kind
    meaning: str
    fix: str = ""


REASONS = {
    # pairs, by their page
    "no_source": Reason("no address", "unfit", "The page names no picture there, or one that only a script loads."),
    "spacer": Reason("spacer", "unfit", "Declared so small that it can only be a tracking pixel or a spacer."),
    "declared_small": Reason(
        "declared too small", "unfit", "The page declares a side shorter than the minimum.", "min_side"
    ),
    "data_uri": Reason("within the page", "unfit", "The picture is embedded in the page and has no address."),
    "placeholder": Reason(
        "placeholder",
        "unfit",
        "The page shows a placeholder there until a script loads the picture, from where it does not say.",
    ),
    "no_text": Reason(
        "no text", "unfit", "Nothing says what the picture shows: no alternative text, no label, no caption, no title."
    ),
    "too_many_pictures": Reason(
        "too many on a page", "unfit", "The addresses and texts of the page’s pictures have five million characters."
    ),
    "rest_of_page": Reason(
        "rest of a page",
        "unfit",
        "A page nests elements so deeply, or gives one so many attributes, that its rest was not read. It counts once,"
        " as nobody knows how many pictures the rest has.",
    ),
    # pairs, by their text
    "too_short": Reason("text too short", "unfit", "The text has fewer characters than the minimum.", "min_text"),
    "file_name": Reason("a file’s name", "unfit", "The text is the name of a file, such as a camera’s numbering."),
    "address": Reason("an address", "unfit", "The text is a URL or an e-mail address."),
    "says_nothing": Reason(
        "says nothing", "unfit", "The text says that there is a picture, not what it shows: “image”, “logo”."
    ),
    "language": Reason(
        "another language",
        "unfit",
        "The text, or else its page, is in another language than those wanted.",
        "languages and language_certainty",
    ),
    # pairs, when all are gathered
    "duplicate_address": Reason(
        "address seen before",
        "unfit",
        "Another place shows the same picture; it counts once, with the words of the first.",
    ),
    "boilerplate": Reason(
        "boilerplate", "unfit", "More pictures of one site share this text than is allowed.", "max_repeats"
    ),
    # errors
    "timeout": Reason(
        "took too long", "error", "No complete response in time, in all attempts.", "timeout and retries"
    ),
    "connection_failed": Reason(
        "no connection",
        "error",
        "The server was unreachable, or did not speak HTTP.",
        "retries; check the network if many hosts fail",
    ),
    "closed_early": Reason(
        "closed early", "error", "The server closed the connection before the response was complete.", "retries"
    ),
    "bad_answer": Reason("invalid response", "error", "The response is not HTTP, or longer than announced.", "retries"),
    "name_not_found": Reason(
        "no such host",
        "error",
        "The host’s name is unknown.",
        "if all hosts fail, check the machine’s name servers",
    ),
    "robots_txt_unreachable": Reason(
        "robots.txt unreachable",
        "error",
        "The server failed to serve its rules, so nothing is requested.",
        "try again later",
    ),
    "host_given_up": Reason(
        "host given up", "error", "The host failed too often in a row; nothing more was requested.", "give_up_after"
    ),
    "http_429": Reason(
        "too many requests",
        "refusal",
        "The server wants fewer requests.",
        "raise delay, lower connections; max_rest for longer pauses",
    ),
    "unreadable": Reason("page unreadable", "error", "The page could not be parsed."),
    "not_a_picture": Reason("no picture", "error", "The response is no picture, but a page, or nothing."),
    "undecodable": Reason("broken picture", "error", "The file is truncated or damaged."),
    "broken_shard": Reason(
        "broken shard",
        "error",
        "A tar is truncated or damaged; what comes before that is taken.",
        "fetch the tar again",
    ),
    "cut_off": Reason(
        "cut off",
        "error",
        "The tar breaks off or is damaged next to the picture, whose text may be missing.",
        "fetch the tar again",
    ),
    "damaged_part": Reason(
        "damaged part",
        "error",
        "A header in a tar is damaged; what lies between it and the next one is not read, however many files that is.",
        "fetch the tar again",
    ),
    # refusals
    "robots_txt": Reason("robots.txt", "refusal", "The site’s robots.txt does not allow it, or not for training."),
    "noindex": Reason("noindex", "refusal", "The page or the server asks not to be indexed."),
    "noimageindex": Reason("noimageindex", "refusal", "The page or the server asks that its pictures are not indexed."),
    "nofollow": Reason("nofollow", "refusal", "The server or the page asks that its redirect is not followed."),
    "noai": Reason("noai", "refusal", "The page or the server does not want its content used for machine learning."),
    "noimageai": Reason(
        "noimageai", "refusal", "The page or the server does not want its pictures used for machine learning."
    ),
    "tdm-reservation": Reason(
        "text and data mining reserved", "refusal", "The rights to mine text and data are reserved."
    ),
    "content-usage": Reason(
        "usage preference", "refusal", "The server asks that its content is not used for training (Content-Usage)."
    ),
    "private_address": Reason(
        "private address",
        "refusal",
        "The address leads to this machine or its private network.",
        "allow_private_hosts, for your own servers",
    ),
    # not there
    "bad_address": Reason("bad address", "absent", "What the page gives as an address cannot be requested."),
    "bad_redirect": Reason("bad redirect", "absent", "The redirect leads to something that is no address."),
    "redirect_to_other_host": Reason(
        "redirect to another host",
        "absent",
        "The redirect leads to a host outside of this part of the crawl.",
        "redirect_hosts, if it is the site’s CDN",
    ),
    "redirect_to_other_site": Reason(
        "redirect to another site", "absent", "The page has moved to a site that is not crawled."
    ),
    "too_many_redirects": Reason("too many redirects", "absent", "One redirect leads to the next.", "redirects"),
    # unfit
    "too_large": Reason(
        "file too large", "unfit", "The file has more bytes than allowed.", "max_picture_bytes, max_page_bytes"
    ),
    "encoded_body": Reason("compressed", "unfit", "The server compresses pictures in a way that is not read."),
    "unsupported_format": Reason(
        "format not read", "unfit", "A picture that few browsers show, such as HEIC, JPEG XL or PostScript, or a video."
    ),
    "too_many_pixels": Reason(
        "too many pixels", "unfit", "Decoded, the picture would take more memory than is allowed.", "max_pixels"
    ),
    "bomb": Reason(
        "decompression bomb",
        "unfit",
        "A small file that would take far more memory or time to decode than pictures of its size do.",
    ),
    "too_small": Reason("too small", "unfit", "A side of the picture is shorter than is wanted.", "min_side"),
    "near_copy_of_hold_out": Reason(
        "in the benchmark", "unfit", "It is a near-copy of a picture that models are judged by.", "hold_out_difference"
    ),
    "duplicate_exact": Reason(
        "same as another", "unfit", "The same picture was taken from another address.", "duplicates"
    ),
    "duplicate_near": Reason(
        "almost the same as another",
        "unfit",
        "It looks the same as a picture taken from another address.",
        "duplicates, near_bits and near_colours",
    ),
    # unfit, in tars that were downloaded before
    "no_picture": Reason(
        "no picture with it", "unfit", "A text, record or another file of the tar, without a picture of its name."
    ),
    "no_extension": Reason("name without ending", "unfit", "The name of the file in the tar does not say what it is."),
    "hidden_file": Reason("hidden file", "unfit", "The name begins with a dot, as a computer’s own notes do."),
    "part_of_sample": Reason(
        "part of another", "unfit", "It goes with another picture of the tar, like a mask: 7.seg.png with 7.jpg."
    ),
    "second_picture": Reason("second form", "unfit", "The tar has the picture in two formats; one is taken."),
    "same_key": Reason("key seen before", "unfit", "An earlier picture of the tar has the same name."),
    "tar_link": Reason(
        "link in a tar",
        "unfit",
        "It is a link to another file; its bytes are not there.",
        "tar with --hard-dereference",
    ),
    "tar_special": Reason("no file", "unfit", "A device or a pipe in a tar."),
    "tar_sparse": Reason("file with holes", "unfit", "It is stored as a sparse file.", "tar without --sparse"),
    "not_html": Reason("no web page", "unfit", "The answer is no HTML: a feed, a document, a script."),
    "reached_before": Reason("reached before", "unfit", "The same page was read by another address."),
    "too_deep": Reason(
        "too far away", "unfit", "Links that lie farther from the front page than is followed.", "depth"
    ),
    "beyond_page_limit": Reason(
        "beyond the limit",
        "unfit",
        "Links left over when the site had given all pages that may be asked for. On sites with very many, a link"
        " counts on each page that has it.",
        "pages",
    ),
}
# Reasons of pairs that only show when all pairs are gathered; the others show when a page or a list
# is read.
GATHERED = ("duplicate_address", "boilerplate")
_SERVER_ERROR = 500


def errors(counts: Mapping[str, int]) -> int:
    """How many of these losses are errors, which count towards `max_error_share`."""
    return sum(number for reason, number in counts.items() if explain(reason).kind == "error")


def explain(reason: str) -> Reason:
    """What a reason means; for one that is not declared here, only its name."""
    known = REASONS.get(reason)
    if known is not None:
        return known
    status = reason.removeprefix("http_")
    if reason.startswith("http_") and status.isascii() and status.isdigit():
        return _status(int(status))
    return Reason(reason.replace("_", " "), "unfit", "")


def _status(status: int) -> Reason:
    if status >= _SERVER_ERROR:
        return Reason(
            f"server’s error {status}",
            "error",
            "The server failed, with all further attempts.",
            "retries and retry_delay",
        )
    if status in (404, 410):
        return Reason(f"not found ({status})", "absent", "The link is dead.")
    if status in (401, 403):
        return Reason(
            f"not permitted ({status})",
            "refusal",
            "The server does not give it to everybody, or not to this crawler.",
            "user_agent",
        )
    return Reason(f"status {status}", "absent", "The server answered with this status.")
