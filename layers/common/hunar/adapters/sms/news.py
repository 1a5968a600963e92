"""What providers of texts tell us later: receipts, and what people answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from hunar.adapters.sms import aws_events, exotel_news, msg91_news
from hunar.domain.receipt import Receipt, Reply
from hunar.ports import Rejected

_READERS: Final[Mapping[str, Callable[[bytes, str], Sequence[Receipt | Reply]]]] = {
    "aws": aws_events.read,
    "exotel": exotel_news.read,
    "msg91": msg91_news.read,
}
"""SNS is not among them: what became of its texts stands only in CloudWatch Logs."""


def read(provider: str, body: bytes, received_at: str) -> list[Receipt | Reply]:
    """Everything that one post says. ``received_at`` stands in where the provider gives no time.

    Raises Rejected, which names the field that is wrong and shows nothing of it.
    """
    reader = _READERS.get(provider)
    if reader is None:
        raise Rejected("provider: none whose news are read")
    return list(reader(body, received_at))
