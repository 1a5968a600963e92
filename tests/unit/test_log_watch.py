"""The watch over every log line of the suite sees what it is there for."""

from __future__ import annotations

import pytest

from tests.conftest import _NUMBER_OR_TEXT


@pytest.mark.parametrize(
    "line",
    ['{"to": "+919999900011"}', "9999900011", "919999900011", "तैयार करें", r"\u0924\u0948", "தயார்", "تیار"],
)
def test_a_number_or_a_text_is_seen(line: str) -> None:
    assert _NUMBER_OR_TEXT.search(line)


@pytest.mark.parametrize(
    "line",
    ["+91******11", "template 1107000000000000101", '{"timestamp": "2026-11-25T04:00:00Z"}', "flipkart:demo:S1 G11"],
)
def test_what_may_be_said_is_not_taken_for_one(line: str) -> None:
    assert _NUMBER_OR_TEXT.search(line) is None
