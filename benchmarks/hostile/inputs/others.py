"""Hostile shards, robots files and headers, dumps, gold files and models."""

import gzip
import io
import json
import random
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterator

from benchmarks.hostile.case import LARGE, SMALL, Case
from benchmarks.hostile.ordinary import ordinary, tar

_SIZES = (LARGE, 5 * LARGE)
# The most that is read of a robots.txt, and of a response's headers.
_ROBOTS, _HEADERS = (500 * 1024,), (SMALL,)
_SMALL_PICTURE = b"GIF89a\1\0\1\0"


def cases() -> Iterator[Case]:
    """All other hostile inputs."""
    for reader, (made, sizes) in _INPUTS.items():
        for name, make in made.items():
            yield Case(reader, name, make, sizes)


def _filled(part: bytes | str, begin: bytes | str = b"", end: bytes | str = b"") -> Callable[[int], bytes]:
    first, one, last = (p.encode() if isinstance(p, str) else p for p in (begin, part, end))
    return lambda size: first + one * (size // len(one)) + last


# Shards


def _files(name: str, content: bytes = b"") -> Callable[[int], bytes]:
    """As many files as fit; `%d` in a name is their number."""

    def make(size: int) -> bytes:
        number = size // (512 + -(-len(content) // 512) * 512)
        return tar([(name % n if "%" in name else name, content) for n in range(number)])

    return make


def _members(kind: bytes, name: str = "0.png") -> Callable[[int], bytes]:
    def make(size: int) -> bytes:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "1.png"
        return info.tobuf() * (size // 512) + bytes(1024)

    return make


def _long_names(size: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as made:
        for number in range(size // 40_000 + 1):
            made.addfile(tarfile.TarInfo(f"{number}{'ä' * 15_000}.png"))
    return out.getvalue()


def _pax(size: int) -> bytes:
    """One header with as many records as fit."""
    records = b"".join(b"%d a%d=b\n" % (len(str(n)) + 7, n) for n in range(size // 12))
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, len(records)
    return info.tobuf() + records + bytes(-len(records) % 512) + tar([("0.png", _SMALL_PICTURE)])


def _many_pax(size: int) -> bytes:
    records = b"30 path=aaaaaaaaaaaaaaaaa.png\n"
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, len(records)
    one = info.tobuf() + records + bytes(-len(records) % 512) + tarfile.TarInfo("0.png").tobuf()
    return one * (size // len(one)) + bytes(1024)


def _sparse(size: int) -> bytes:
    out = bytearray(tarfile.TarInfo("0.png").tobuf())
    out[156:157] = b"S"
    out[482] = 1
    body = bytes(out) + (b"0" * 504 + b"\1" + bytes(7)) * (size // 512)
    return body + bytes(1024)


def _sidecar(ending: str, content: Callable[[int], bytes]) -> Callable[[int], bytes]:
    return lambda size: tar([("0.png", _SMALL_PICTURE), (f"0.{ending}", content(size))])


def _deep(size: int) -> bytes:
    return b"[" * size


def _json_keys(size: int) -> bytes:
    return b"{" + b",".join(b'"%d":0' % n for n in range(size // 10)) + b',"caption":"a"}'


def _high_text(size: int) -> bytes:
    return ("Съешь же ещё " * (size // 13)).encode("koi8-r")


def _packed_tar(size: int) -> bytes:
    return gzip.compress(tar([("0.png", bytes(100 * min(size, 2 * LARGE)))]), mtime=0)


def _joined(size: int) -> bytes:
    one = tar([("0.png", _SMALL_PICTURE)])
    return one * (size // len(one))


# Dumps, gold files, models


def _item(**parts: object) -> str:
    return json.dumps({"id": "Q42", "labels": {"en": {"value": "crab"}}, **parts}, separators=(",", ":"))


def _labels(span: Callable[[int], tuple[int, int]]) -> Callable[[int], bytes]:
    """A text with as many labels as fit."""

    def make(size: int) -> bytes:
        number = size // 48
        labels = [{"span": span(n), "entity_id": "Q42"} for n in range(number)]
        text = "a" * min(1_000_000, 3 * number + 10)
        return json.dumps({"text": text, "labels": labels}, separators=(",", ":")).encode()

    return make


def _weights(size: int) -> bytes:
    header = json.dumps({f"a{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(size // 60)})
    return struct.pack("<Q", len(header)) + header.encode()


def _large_header(size: int) -> bytes:
    return struct.pack("<Q", size) + b"{" * size


_SHARDS = {
    "empty pictures": _files("%d.png"),
    "pictures": _files("%d.png", _SMALL_PICTURE),
    "files of one name": _files("0.png"),
    "files without an ending": _files("%d"),
    "hidden files": _files(".%d"),
    "names with dots": _files("0.%d.png"),
    "names with dots and texts": _files("0.%d.txt"),
    "records": _files("%d.json", b"{}"),
    "other files": _files("%d.cls"),
    "long names": _long_names,
    "names in folders": _files("./a/../b/%d.png"),
    "a header of records": _pax,
    "headers of records": _many_pax,
    "folders": _members(tarfile.DIRTYPE),
    "links": _members(tarfile.LNKTYPE),
    "devices": _members(tarfile.CHRTYPE),
    "long links": _members(tarfile.GNUTYPE_LONGLINK),
    "unknown members": _members(b"Z"),
    "holes": _sparse,
    "tars, joined": _joined,
    "zeros": _filled(b"\0"),
    "a record of brackets": _sidecar("json", _deep),
    "a record of keys": _sidecar("json", _json_keys),
    "a record of lists": _sidecar("json", _filled(b"[],", b'{"caption":[', b"0]}")),
    "a record of surrogates": _sidecar("json", _filled('"\\ud800",', b'{"caption":[', b"0]}")),
    "a record of high bytes": _sidecar("json", _filled(b"\xe4\xf6\xff", b'{"caption":"', b'"}')),
    "a record of NaNs": _sidecar("json", _filled(b"NaN,", b'{"caption":[', b"0]}")),
    "a text of high bytes": _sidecar("txt", _high_text),
    "a text of surrogates": _sidecar("txt", _filled(b"\xed\xa0\x80")),
    "packed": _packed_tar,
    "random": lambda size: random.Random(0).randbytes(size),
}
_INPUTS: dict[str, tuple[dict[str, Callable[[int], bytes]], tuple[int, ...]]] = {
    "shard": (_SHARDS, _SIZES),
    "robots.txt": (
        {
            "rules": lambda size: b"User-agent: *\n" + b"".join(b"Disallow: /%d\n" % n for n in range(size // 17)),
            "wildcards": _filled("Disallow: /*a*b*c*d\n", "User-agent: *\n"),
            "one rule": _filled("*a", "User-agent: *\nDisallow: /"),
            "robots": lambda size: b"".join(b"User-agent: a%d\n" % n for n in range(size // 19)) + b"Disallow: /a\n",
            "robots and rules": _filled("User-agent: *\nDisallow: /a\n"),
            "colons": _filled(":"),
            "fields on one line": _filled("User-agent: * Disallow: /a "),
            "tags": _filled("<"),
            "entities": _filled("&amp;", "<"),
            "high bytes": _filled(b"\xff\xfe", "User-agent: *\nDisallow: /"),
            "zeros": _filled(b"\0a"),
            "packed": lambda size: gzip.compress(b"User-agent: *\nDisallow: /a\n" * 10 * size, mtime=0),
            "letters": _filled("disallo", "d"),
            "escapes": _filled("%%2", "User-agent: *\nDisallow: /"),
            "lines": _filled("\n"),
        },
        _ROBOTS,
    ),
    "robots headers": (
        {
            "words": _filled("a "),
            "noes": _filled("no-"),
            "noes apart": _filled("no "),
            "colons": _filled("a:"),
            "directives": _filled("noindex,"),
            "names": _filled("mofi-crawl: none,"),
            "lines": _filled("none\n"),
            "dots": _filled("."),
            "high bytes": _filled(b"\xe4"),
            "escapes": _filled("%41"),
            "usage": _filled("train-ai=n,"),
            "lists": _filled("("),
            "quotes": _filled('"'),
            "backslashes": _filled("\\", '"'),
            "parameters": _filled(";a=b", "bots"),
        },
        _HEADERS,
    ),
    "body of a picture": (
        {
            "zeros": lambda size: gzip.compress(bytes(1000 * size), mtime=0)[:size],
            "bare deflate": lambda size: zlib.compress(bytes(1000 * size))[2:-4][:size],
            "members": _filled(gzip.compress(b"", mtime=0)),
            "random": lambda size: random.Random(0).randbytes(size),
        },
        (LARGE,),
    ),
    "dump": (
        {
            "lines": _filled(b"\n"),
            "commas": _filled(b",\n"),
            "empty objects": _filled(b"{},\n"),
            "short items": _filled(b'{"id":"Q1"},\n'),
            "no JSON": _filled(b"a\n"),
            "brackets": _filled(b"["),
            "lines of brackets": _filled(b"[" * 900 + b"\n"),
            "braces": _filled(b'{"id":'),
            "aliases": _filled('{"value":"a"},', _item()[:-1] + ',"aliases":{"en":[', '{"value":"b"}]}}'),
            "statements": _filled('{"mainsnak":{}},', _item()[:-1] + ',"claims":{"P31":[', '{"mainsnak":{}}]}}'),
            "classes": _filled(
                '{"mainsnak":{"datavalue":{"value":{"id":"Q5"}}}},', _item()[:-1] + ',"claims":{"P31":[',
                '{"mainsnak":{}}]}}',
            ),
            "sitelinks": lambda size: (
                _item()[:-1] + ',"sitelinks":{' + ",".join(f'"w{n}":0' for n in range(size // 11)) + "}}"
            ).encode(),
            "other types": _filled("[],", _item()[:-1] + ',"labels":[', "0]}"),
            "keys": lambda size: ("{" + ",".join(f'"k{n}":[]' for n in range(size // 11)) + "}").encode(),
            "lines of other types": _filled('{"id":"Q42","labels":3}\n'),
            "surrogates": _filled('{"id":"Q42","labels":{"en":{"value":"\\ud800"}}}\n'),
            "high bytes": _filled(b"\xff\n"),
            "a long number": _filled("1", '{"id":'),
        },
        _SIZES,
    ),
    "gold": (
        {
            "labels apart": _labels(lambda n: (3 * n, 3 * n + 1)),
            "labels in labels": _labels(lambda n: (n, 900_000 - n)),
            "labels of one span": _labels(lambda n: (0, 1)),
            "labels from one place": _labels(lambda n: (0, n + 1)),
            "no JSON": _filled(b"a\n"),
            "lines": _filled(b"\n"),
            "empty objects": _filled(b"{}\n"),
            "brackets": _filled(b"["),
            "lists": _filled("[],", '{"text":"a","labels":[', "0]}"),
            "long values": _filled("0,", '{"text":[', "0]}"),
            "short texts": _filled('{"text":"a"}\n'),
            "high bytes": _filled(b"\xff\n"),
        },
        _SIZES,
    ),
    "model config": (
        {
            "brackets": _filled("["),
            "closed brackets": lambda size: b"[" * (size // 2) + b"]" * (size // 2),
            "keys": lambda size: ("{" + ",".join(f'"k{n}":[]' for n in range(size // 11)) + "}").encode(),
            "lists": _filled("[],", '{"model_cfg":[', "0]}"),
            "long text": _filled("a", '{"model_cfg":{"embed_dim":"', '"}}'),
            "long number": _filled("1", '{"model_cfg":{"embed_dim":', "}}"),
            "surrogates": _filled("\\ud800", '{"model_cfg":{"embed_dim":"', '"}}'),
            "text of a pattern": _filled(
                "a.", ordinary("model config").decode()[:-3] + ',"model_cfg":{"vision_cfg":{"timm_model_name":"', '"}}}'
            ),
            "zeros": _filled(b"\0"),
        },
        _SIZES,
    ),
    "model weights": ({"names": _weights, "braces": _large_header, "zeros": _filled(b"\0")}, _SIZES),
}  # fmt: skip
