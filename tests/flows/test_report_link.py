"""What Prefect's page shows of the report."""

from pathlib import Path


def test_the_report_is_a_path_to_copy_as_no_browser_follows_a_file_link_of_a_served_page() -> None:
    from flows.pipeline import where  # Prefect takes seconds to import

    shown = where(Path("/a b/re`port/index.html"))
    assert "`` /a b/re`port/index.html ``" in shown
    assert "file:" not in shown
    assert "](" not in shown
