"""Bodies are read strictly: what two readers could read differently is refused, and nothing crashes."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunar.marketplaces.body import DEPTH, Unreadable, read_object, readable, redacted, written

MESSAGE = {"eventType": "shipment_packed", "attributes": {"status": "PACKED"}}


def nested(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(b"", "not JSON", id="nothing"),
        pytest.param(b'{"a":1', "not JSON", id="cut off"),
        pytest.param(b'{"a":1} {"a":2}', "not JSON", id="two objects"),
        pytest.param(b'{"a":"\x00"}', "not JSON", id="a raw control character"),
        pytest.param(b'{"a":"\xff"}', "not UTF-8 at byte 6", id="fault 16: invalid UTF-8"),
        pytest.param(b'{"a":"\xed\xa0\x80"}', "not UTF-8", id="fault 16: a surrogate in UTF-8"),
        pytest.param("\ufeff{}".encode(), "byte order mark", id="fault 16: BOM"),
        pytest.param(json.dumps(MESSAGE).encode("utf-16"), "not UTF-8", id="fault 16: UTF-16 with BOM"),
        pytest.param(json.dumps(MESSAGE).encode("utf-16-le"), "not JSON", id="fault 16: UTF-16 without BOM"),
        pytest.param(gzip.compress(b"{}"), "gzip", id="fault 15: gzip"),
        pytest.param(b"[1]", "not a JSON object", id="array"),
        pytest.param(b'"text"', "not a JSON object", id="text"),
        pytest.param(b"null", "not a JSON object", id="null"),
        pytest.param(b'{"a":1,"a":1}', "'a' stands twice", id="fault 17: duplicate key"),
        pytest.param(
            b'{"b":[{"a":1,"\\u0061":2}]}', "'a' stands twice", id="fault 17: duplicate key, deep and escaped"
        ),
        pytest.param(b'{"a":NaN}', "NaN", id="fault 18: NaN"),
        pytest.param(b'{"a":-Infinity}', "-Infinity", id="fault 18: Infinity"),
        pytest.param(nested(DEPTH + 1), "nested deeper", id="fault 20: one level too deep"),
        pytest.param(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested deeper", id="fault 20: far too deep"),
        pytest.param(b'{"a":' + b"9" * 21 + b"}", "more than 20 digits", id="fault 19: 21 digits"),
        pytest.param(b'{"a":' + b"9" * 5_000 + b"}", "more than 20 digits", id="fault 19: 5,000 digits"),
        pytest.param(b'{"a":1e999999999}', "power of 20", id="fault 19: a number that fills a memory"),
        pytest.param(b'{"a":1e-999999999}', "power of 20", id="fault 19: a number that is almost nothing"),
        pytest.param(b'{"a":0.' + b"1" * 30 + b"}", "24 characters", id="a long fraction"),
    ],
)
def test_faults_16_17_18_19_20_a_body_that_readers_could_differ_on_is_unreadable(raw: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read_object(raw)
    assert not readable(raw)


def test_fractions_keep_their_digits_and_whole_numbers_stay_whole() -> None:
    read = read_object(b'{"price":295.10,"quantity":2,"big":99999999999999999999}')
    assert read == {"price": Decimal("295.10"), "quantity": 2, "big": 99999999999999999999}
    assert str(read["price"]) == "295.10"
    assert type(read["quantity"]) is int


def test_fault_20_the_deepest_allowed_nesting_is_read() -> None:
    assert readable(nested(DEPTH))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        assert isinstance(read_object(raw), dict)
    except Unreadable as refused:
        assert str(refused)


def test_only_what_the_allow_list_names_is_kept() -> None:
    message = {
        "id": "1",
        "buyer": {"name": "Asha"},
        "note": {"name": "Asha"},
        "lines": [{"sku": "A", "address": "12 Lake Road"}, "Asha"],
        "terms": "Asha",
    }
    shape = {"id": None, "note": None, "lines": [{"sku": None}], "terms": {"days": None}, "absent": None}
    kept = redacted(message, shape)
    assert kept == {"id": "1", "note": None, "lines": [{"sku": "A"}, None], "terms": None}


def test_fault_22_half_a_surrogate_pair_does_not_reach_storage() -> None:
    # fault 22
    kept = redacted(read_object(b'{"title":"cup \\ud83d"}'), {"title": None})
    assert kept == {"title": "cup ?"}
    assert written(kept).encode() == b'{"title":"cup ?"}'


def test_written_text_is_read_as_the_same_value() -> None:
    raw = '{"a":[295.10,1E+5,0E-7,-1,true,null,"\\u0000 \\" नमस्ते"],"b":{}}'.encode()
    value = read_object(raw)
    again = read_object(written(value).encode())
    assert again == value
    assert str(again["a"][0]) == "295.10"
