from pathlib import Path

import pytest

from components.crawl.pictures.spool import Spool


def test_spooled_bytes_are_read_in_any_order(tmp_path: Path) -> None:
    pieces = {str(n): bytes([n]) * (n * 1000) for n in range(20)}
    with Spool(tmp_path / "spool") as spool:
        for n, (key, data) in enumerate(pieces.items()):
            spool.put(key, data)
            assert spool.get(str(n // 2)) == pieces[str(n // 2)]  # reading in between moves no later piece
        assert {key: spool.get(key) for key in reversed(pieces)} == pieces
        assert (tmp_path / "spool").stat().st_size <= sum(map(len, pieces.values()))


def test_an_unknown_key_is_an_error(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool") as spool, pytest.raises(KeyError, match="000000001"):
        spool.get("000000001")
