import pytest
from pydantic import ValidationError

from tests.crawl.conftest import knobs


@pytest.mark.parametrize(
    ("user_agent", "robot"),
    [
        ("mofi-crawl/0.1 (research; me@example.org)", "mofi-crawl"),
        ("Mofi-Crawl", "mofi-crawl"),
        ("mofi_crawl2(+https://example.org)", "mofi_crawl2"),
        ("mofi-crawl; +https://example.org", "mofi-crawl"),
        ("my.bot/1.0", "my.bot"),
        ("Mozilla/5.0 (compatible; mofi-crawl/0.1; +https://example.org)", "mofi-crawl"),
    ],
)
def test_the_robot_is_the_product_token_of_the_user_agent(user_agent: str, robot: str) -> None:
    assert knobs(user_agent=user_agent).robot == robot


@pytest.mark.parametrize("user_agent", ["(research)", "---", "/1.0", "   "])
def test_a_user_agent_without_a_name_is_an_error(user_agent: str) -> None:
    with pytest.raises(ValidationError, match="mofi-crawl/0"):
        knobs(user_agent=user_agent)
