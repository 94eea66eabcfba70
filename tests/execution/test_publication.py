"""Where results may go. How they get there: tests/label/test_cluster.py and tests/knowledge."""

from pathlib import Path

import pytest

from components.errors import InputError
from components.execution.publication import check
from components.storage.location import folder_at
from tests.endpoint import BUCKET, Endpoint


@pytest.mark.parametrize(
    ("out", "read"),
    [
        ("data/crawl", "data/crawl"),
        ("data", "data/crawl"),
        ("data/crawl/labels", "data/crawl"),
        (f"s3://{BUCKET}/x/crawl", f"s3://{BUCKET}/x/crawl/"),
        (f"s3://{BUCKET}/x/crawl/labels", f"s3://{BUCKET}/x/crawl"),
        (f"s3://{BUCKET}/x", f"s3://{BUCKET}"),
    ],
)
def test_a_place_whose_content_is_read_or_would_be_changed_is_refused(s3: Endpoint, out: str, read: str) -> None:
    with pytest.raises(InputError, match=r"cannot receive what is made from .*; name another place"):
        check(folder_at(out), [folder_at("elsewhere"), folder_at(read)])


@pytest.mark.parametrize(
    ("out", "read"),
    [
        ("data/labels", "data/crawl"),
        ("data/crawl-labels", "data/crawl"),
        (f"s3://{BUCKET}/x/crawl-labels", f"s3://{BUCKET}/x/crawl"),
        (f"s3://{BUCKET}/x", f"s3://{BUCKET}/x/crawl"),
        (f"s3://{BUCKET}/x", "data/crawl"),
        (f"s3://{BUCKET}/x", "s3://another/x"),
        ("data/labels", f"s3://{BUCKET}/data/labels"),
    ],
)
def test_another_place_is_taken_and_nothing_stays_there(s3: Endpoint, out: str, read: str) -> None:
    check(folder_at(out), [folder_at(read)])
    assert s3.objects("x") == {}
    assert not Path("data/labels/_writable").exists()


def test_a_place_that_refuses_is_told_with_the_mend(s3: Endpoint) -> None:
    with pytest.raises(InputError, match=r"s3://no-such-bucket/x/_writable cannot be written: .*AWS_ENDPOINT_URL"):
        check(folder_at("s3://no-such-bucket/x"))
