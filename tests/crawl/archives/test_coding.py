import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from components.crawl.archives.coding import BadBody, unchunk, unfold

PAGE = b"<!doctype html><p>" + b"".join(b"<img src=/%d.png alt='heron %d'>" % (n, n * 7919) for n in range(100))


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


FOLD: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "raw deflate": raw_deflate,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize("fold", FOLD)
def test_every_coding_is_undone(fold: str) -> None:
    coding = fold.removeprefix("raw ")
    assert unfold(FOLD[fold](PAGE), [coding], 10_000) == PAGE


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "br", "zstd", "none", "utf-8", "identity", "sdch"])
@pytest.mark.parametrize("page", [PAGE, b"\n" * 2000 + PAGE, PAGE.decode().encode("utf-16"), b""])
def test_a_page_under_the_header_of_a_coding_is_left_as_it_is(coding: str, page: bytes) -> None:
    assert unfold(page, [coding], 10_000) == page


@pytest.mark.parametrize("coding", ["", "br", "none", "gzip", "text/html"])
@pytest.mark.parametrize("fold", ["gzip", "zstd"])
def test_gzip_and_zstd_are_known_by_their_first_bytes(coding: str, fold: str) -> None:
    assert unfold(FOLD[fold](PAGE), [coding] if coding else [], 10_000) == PAGE


def test_codings_are_undone_in_reverse_order() -> None:
    assert unfold(brotli.compress(gzip.compress(PAGE)), ["gzip", "br"], 10_000) == PAGE


@pytest.mark.parametrize("fold", FOLD)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_body_that_breaks_off_is_no_page(fold: str, share: float) -> None:
    folded = FOLD[fold](PAGE)
    with pytest.raises(BadBody):
        unfold(folded[: int(share * len(folded))], [fold.removeprefix("raw ")], 10_000)


@pytest.mark.parametrize("fold", FOLD)
def test_no_more_is_unfolded_than_is_wanted(fold: str) -> None:
    folded = FOLD[fold](bytes(300_000))
    assert unfold(folded, [fold.removeprefix("raw ")], 100_000) is None


@pytest.mark.parametrize(
    ("body", "codings", "reason"),
    [
        (b"\x00\x01\x02", ["sdch"], "unknown coding 'sdch'"),
        (gzip.compress(PAGE), ["gzip"] * 1000, "1000 codings"),
        (gzip.compress(b"") * 1000, ["gzip"], "more than 64 gzip members"),
        (b"\x1f\x8b\x08 nonsense", ["gzip"], "."),
        (b"\x00\x01\x02", ["deflate"], "."),
    ],
)
def test_what_cannot_be_decoded_says_why(body: bytes, codings: list[str], reason: str) -> None:
    with pytest.raises(BadBody, match=reason):
        unfold(body, codings, 10_000)


@pytest.mark.parametrize(
    "body",
    [
        b"3\r\n<p>\r\n5\r\nheron\r\n0\r\n\r\n",
        b"3;name=value\r\n<p>\r\n05  \r\nheron\r\n0\r\nTrailer: x\r\n\r\n",
        b"3\n<p>\n5\nheron\n0\n\n",
        b"3\r\n<p>\r\n5\r\nheron",  # the last, empty chunk is often not stored
        b"<p>heron",
    ],
)
def test_chunks_are_joined_unless_they_already_are(body: bytes) -> None:
    assert unchunk(body) == b"<p>heron"


@pytest.mark.parametrize(
    "body", [b"3\r\n<p>\r\n5\r\nher", b"3\r\n<p>\r\nnonsense", b"ffffffffffffffff\r\nx", b"3\r\n<p>\r\n-1\r\nx"]
)
def test_chunks_that_break_off_are_no_page(body: bytes) -> None:
    with pytest.raises(BadBody):
        unchunk(body)


def test_chunks_and_codings_cost_their_number() -> None:
    spent: list[int] = []
    assert unchunk(b"1\r\na\r\n" * 9000 + b"0\r\n", spent.append) == b"a" * 9000
    assert sum(spent) >= 9000 * 500  # a page of as many letters costs a hundredth
    spent.clear()
    assert unfold(gzip.compress(gzip.compress(bytes(9000))), ["gzip"], 10_000, spent.append) == bytes(9000)
    assert sum(spent) >= 9000
    spent.clear()
    with pytest.raises(BadBody):
        unfold(gzip.compress(bytes(9000))[:-9], ["gzip"], 10_000, spent.append)
    assert sum(spent) >= 9000


def test_a_page_that_begins_with_a_number_is_not_chunked() -> None:
    assert unchunk(b"2026\r\n<p>heron") == b"2026\r\n<p>heron"


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([fold(PAGE) for fold in FOLD.values()] + [b"3\r\n<p>\r\n0\r\n\r\n", b""]),
    st.integers(0, 3000),
    st.binary(max_size=20),
    st.lists(st.sampled_from(["gzip", "deflate", "br", "zstd", "none", "identity"]), max_size=3),
)
def test_any_bytes_are_a_body_or_a_bad_one(body: bytes, place: int, change: bytes, codings: list[str]) -> None:
    damaged = body[:place] + change + body[place + len(change) :]
    try:
        found = unfold(unchunk(damaged), codings, 5_000)
    except BadBody as error:
        assert str(error)
    else:
        assert found is None or len(found) <= 5_000
