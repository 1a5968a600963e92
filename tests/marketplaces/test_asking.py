"""What a marketplace is asked, and what is made of its answers."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from hunar.domain.channel import BadAnswer, Call
from hunar.domain.facts import Snapshot
from tests.marketplaces.case import Api, Case
from tests.marketplaces.registered import every_api

SINCE, UNTIL = "2026-11-24T00:00:00Z", "2026-11-24T01:00:00Z"
NO_ANSWER = (
    b"", b"<html><body>Service unavailable</body></html>", b"[]", b"null", b'"ok"', b"\xff", b'{"a":', b"{}",
    b'{"a":' * 65 + b"1" + b"}" * 65, b'{"errors":[{"code":"InternalFailure"}]}',
)  # fmt: skip
_TARGET = re.compile(r"/[!-~]*")


def api_of(case: Case) -> Api:
    assert case.api is not None
    return case.api


def searches(api: Api) -> list[Call]:
    return [api.channel.search(api.account, kind, SINCE, UNTIL) for kind in api.channel.SEARCHES]


@every_api
def test_the_module_that_reads_pushes_reads_the_answers_too(case: Case) -> None:
    api = api_of(case)
    [part] = api.channel.answered(api.channel.fetch(api.account, api.order_id), api.order).parts
    for raw in (part.body, b"<html>"):
        assert case.module.read_answer(raw, api.account.name) == api.channel.read_answer(raw, api.account.name)
    assert case.module.read_answer(part.body, api.account.name).verdict == "APPLIED"


@every_api
def test_a_token_is_asked_for_and_shown_without_being_written_down(case: Case) -> None:
    channel = api_of(case).channel
    call = channel.token_call("client", "s3cr3t", "gr4nt")
    assert _TARGET.fullmatch(call.path)
    for secret in ("s3cr3t", "gr4nt"):
        assert secret not in repr(call) and secret not in call.path
    text, seconds = channel.token(b'{"access_token": "t0ken", "expires_in": 3600, "token_type": "bearer"}')
    assert (text, seconds) == ("t0ken", 3600)
    assert any("t0ken" in value for value in channel.authorization(text).values())
    for raw in (
        *NO_ANSWER,
        b'{"access_token": "t0ken"}',
        b'{"access_token": "t0ken", "expires_in": 0}',
        b'{"access_token": "t0ken", "expires_in": "soon"}',
        b'{"access_token": "t0ken\\r\\nX-Injected: 1", "expires_in": 3600}',
        b'{"access_token": 7, "expires_in": 3600}',
    ):
        with pytest.raises(BadAnswer) as refused:
            channel.token(raw)
        assert "t0ken" not in str(refused.value)


@every_api
def test_every_call_has_a_rate_and_a_target_that_a_request_may_have(case: Case) -> None:
    api = api_of(case)
    channel = api.channel
    calls = [*searches(api), channel.fetch(api.account, api.order_id)]
    calls += [channel.publish(api.account, api.offers[:1]), channel.show(api.account, [api.offers[0].listing])]
    calls += [call for call in [channel.fetch_returns(api.account, ["R1"])] if call]
    assert {call.operation for call in calls} <= set(channel.RATES)
    for call in calls:
        assert _TARGET.fullmatch(call.path) and not urlsplit(call.path).fragment
    for rate in channel.RATES.values():
        assert rate.every_ms > 0 and rate.burst >= 1


@pytest.mark.parametrize("order_id", ["a/../b", "a?b=c", "a&b=c", "a#b", "a b", "a%2Fb", "é\r\nHost: x", "../../token"])
@every_api
def test_an_order_id_cannot_lead_a_question_elsewhere(case: Case, order_id: str) -> None:
    api = api_of(case)
    plain, odd = (api.channel.fetch(api.account, name).path for name in ("plain", order_id))
    assert _TARGET.fullmatch(odd) and "#" not in odd and "/../" not in odd
    # Nothing but the id differs: as many parts of the path, as many names in the query.
    assert (odd.count("/"), odd.count("?"), odd.count("&"), odd.count("=")) == (
        plain.count("/"), plain.count("?"), plain.count("&"), plain.count("="),
    )  # fmt: skip


@every_api
def test_an_order_that_was_asked_for_is_one_part_with_a_snapshot_of_all_of_it(case: Case) -> None:
    api = api_of(case)
    found = api.channel.answered(api.channel.fetch(api.account, api.order_id), api.order)
    [part] = found.parts
    assert (part.marketplace_id, found.next, found.problems) == (api.order_id, None, ())
    reading = api.channel.read_answer(part.body, "demo")
    assert (reading.marketplace_id, reading.verdict) == (api.order_id, "APPLIED")
    [snapshot] = [fact for fact in reading.facts if isinstance(fact, Snapshot)]
    assert snapshot.at == part.at
    assert snapshot.line_ids == " ".join(sorted(snapshot.line_ids.split()))
    assert not any(getattr(fact, "claimed", False) for fact in reading.facts)
    # The same news are the same bytes, and what is kept of them is read as they were.
    [again] = api.channel.answered(api.channel.fetch(api.account, api.order_id), b" " + api.order + b"\n").parts
    assert again == part
    assert reading.redacted is not None
    assert api.channel.read_answer(reading.redacted.encode(), "demo").facts == reading.facts


@every_api
def test_pages_follow_each_other_to_the_last_one(case: Case) -> None:
    api = api_of(case)
    for first in searches(api):
        call, seen = first, [first]
        for name in ("two", "three", None):
            found = api.channel.answered(call, api.page(call, name))
            assert len(found.parts) == 1 and found.problems == ()
            assert (found.next is None) == (name is None)
            if found.next is None:
                break
            call = found.next
            assert call not in seen and call.operation == first.operation
            seen.append(call)
        assert len(seen) == 3


@every_api
def test_a_page_that_leads_to_itself_is_not_asked_for_again(case: Case) -> None:
    api = api_of(case)
    for first in searches(api):
        second = api.channel.answered(first, api.page(first, "two")).next
        assert second is not None
        try:
            again = api.channel.answered(second, api.page(second, "two")).next
        except BadAnswer as error:
            assert str(error)
        else:
            assert again != second


@every_api
def test_what_is_no_answer_is_named_as_one(case: Case) -> None:
    api = api_of(case)
    asked = [*searches(api), api.channel.fetch(api.account, api.order_id)]
    for call in asked:
        for raw in NO_ANSWER:
            with pytest.raises(BadAnswer) as bad:
                api.channel.answered(call, raw)
            assert str(bad.value).isprintable() and len(str(bad.value)) < 500
