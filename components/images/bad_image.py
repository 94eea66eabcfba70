"""Why bytes are no picture that can be used."""

from typing import Literal

from components.errors import InputError

# As the crawl counts them; `components.crawl.reasons` says what each means.
BadReason = Literal["not_a_picture", "unsupported_format", "too_many_pixels", "bomb", "undecodable"]


class BadImage(InputError):
    """The bytes are not a picture that can be decoded.

    Attributes:
        reason: why not, in one word.
        size: width and height as far as they are known, px.
    """

    def __init__(self, message: str, reason: BadReason = "undecodable", size: tuple[int, int] = (0, 0)) -> None:
        super().__init__(message)
        self.reason: BadReason = reason
        self.size = size

    def __reduce__(self) -> tuple[type["BadImage"], tuple[str, BadReason, tuple[int, int]]]:
        return BadImage, (str(self), self.reason, self.size)
