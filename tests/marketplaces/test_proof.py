"""Who sent it. The same ways to get past a proof are tried at every marketplace that has a webhook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunar.domain.proof import Proof
from tests.marketplaces.case import Case, Door
from tests.marketplaces.registered import every_door

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
BODY = b'{"a": "\xe0\xa4\xa8"}'
SECOND = timedelta(seconds=1)

HOSTILE = (
    "garbage", "v1", "v1,a,b", " v1,xx", ",", " ", "\x00", "é", "\ud800", "٣", "'", "a" * 9000, "-1", "1e999", "\n",
    "FKLOGIN", "FKLOGIN ", "Basic YTpi", "Thu, 32 Foo 2026 99:99:99 GMT", "9" * 400, "NaN", "None", "{}", "=" * 8,
)  # fmt: skip
"""What strangers put into headers. Each alone, and in the place of one true header."""


def door_of(case: Case) -> Door:
    assert case.door is not None
    return case.door


def sign(case: Case, raw: bytes = BODY, secret: str | None = None, at: datetime = NOW) -> dict[str, str]:
    """The headers as the gateway hands them on: names in lower case."""
    known = door_of(case).secret
    signed = case.module.sign(raw, replace(known, secret=secret or known.secret), at)
    return {name.lower(): value for name, value in signed.items()}


def proof(case: Case, headers: Mapping[str, str], raw: bytes = BODY, now: datetime = NOW) -> Proof:
    found: Proof = case.module.prove(headers, raw, door_of(case).secret, now)
    return found


@every_door
def test_a_call_of_the_marketplace_is_proved_whatever_its_bytes_are(case: Case) -> None:
    for raw in (BODY, b"", b"\xff\xfe", b"[" * 1000):
        assert proof(case, sign(case, raw), raw) is Proof.PROVED
    assert proof(case, {name.title(): value for name, value in sign(case).items()}) is Proof.PROVED


@every_door
def test_fault_45_the_previous_secret_is_accepted_while_it_is_kept(case: Case) -> None:
    door = door_of(case)
    assert door.secret.previous_secret
    headers = sign(case, secret=door.secret.previous_secret)
    assert proof(case, headers) is Proof.PROVED
    for none in (None, ""):
        alone = replace(door.secret, previous_secret=none)
        assert case.module.prove(headers, BODY, alone, NOW) is Proof.FORGED


@every_door
def test_another_secret_and_an_empty_one_prove_nothing(case: Case) -> None:
    door = door_of(case)
    assert proof(case, sign(case, secret=door.other)) is Proof.FORGED
    empty = replace(door.secret, secret="", previous_secret="")
    assert case.module.prove(sign(case), BODY, empty, NOW) is Proof.FORGED


@every_door
def test_a_call_without_one_of_its_headers_is_unsigned(case: Case) -> None:
    headers = sign(case)
    assert proof(case, {}) is Proof.UNSIGNED
    for name in headers:
        assert proof(case, {other: value for other, value in headers.items() if other != name}) is Proof.UNSIGNED
        assert proof(case, headers | {name: ""}) is Proof.UNSIGNED


@every_door
def test_faults_9_and_10_a_true_signature_holds_inside_of_its_window(case: Case) -> None:
    door = door_of(case)
    for moved, expected in (
        (-door.past, Proof.PROVED),
        (-door.past - SECOND, Proof.STALE),
        (-timedelta(days=4000), Proof.STALE),
        (door.ahead, Proof.PROVED),
        (door.ahead + SECOND, Proof.STALE),
    ):
        assert proof(case, sign(case, at=NOW + moved)) is expected
    # An old time that nobody signed is no replay.
    assert proof(case, sign(case, secret=door.other, at=NOW - timedelta(days=1))) is Proof.FORGED


@every_door
def test_fault_11_a_hostile_header_is_forged_and_raises_nothing(case: Case) -> None:
    true = sign(case)
    for name in true:
        for value in HOSTILE:
            assert proof(case, true | {name: value}) is Proof.FORGED, value
    for value in HOSTILE:
        assert proof(case, dict.fromkeys(true, value)) is Proof.FORGED
    for name, value in true.items():
        for wrong in (value[:-1], value + "A", value + " ", f" {value}", value.swapcase() + "x", value[::-1]):
            assert proof(case, true | {name: wrong}) is Proof.FORGED, wrong


@every_door
def test_fault_13_a_header_that_came_twice_is_forged_even_when_each_is_true(case: Case) -> None:
    true, other = sign(case), sign(case, secret=door_of(case).other, at=NOW + SECOND)
    for name, value in true.items():
        for joined in (f"{value},{value}", f"{value}, {value}", f"{value},{other[name]}"):
            assert proof(case, true | {name: joined}) is Proof.FORGED
        if other[name] != value:
            assert proof(case, true | {name.title(): other[name]}) is Proof.FORGED


@every_door
def test_another_body_is_forged_where_the_body_is_signed(case: Case) -> None:
    """Where it is not, what a message says is a claim: whoever saw one call can send another body with it."""
    expected = Proof.FORGED if case.module.BODY_SIGNED else Proof.PROVED
    for body in (b"{}", BODY + b" ", BODY[:-1], b""):
        assert proof(case, sign(case), body) is expected


@every_door
def test_fault_11_no_headers_are_a_proof_by_chance(case: Case) -> None:
    signed = sign(case)
    texts = st.fixed_dictionaries({}, optional={name: st.text(max_size=120) for name in signed})

    @given(texts)
    def any_headers(headers: dict[str, str]) -> None:
        assert proof(case, headers) in (Proof.FORGED, Proof.UNSIGNED)
        if headers:
            assert proof(case, sign(case, secret=door_of(case).other) | headers) in (Proof.FORGED, Proof.UNSIGNED)

    any_headers()


@every_door
def test_what_a_secret_needs_is_what_signing_needs(case: Case) -> None:
    """So that ``hunar account add`` refuses a secret that would prove nothing."""
    assert "secret" in case.module.NEEDS
    assert set(case.module.NEEDS) <= {"app_id", "secret", "url"}
    for needed in case.module.NEEDS:
        assert getattr(door_of(case).secret, needed)


@pytest.mark.parametrize("raw", [b"{}", b"[]", b"\xff", b"", b'{"a":1,"a":2}', b'{"a":' * 70 + b"1" + b"}" * 70])
@every_door
def test_what_can_be_read_is_told_apart_at_the_door(case: Case, raw: bytes) -> None:
    assert case.module.readable(raw) is (raw == b"{}")
