"""What a channel is told of the stock, and what is made of its answers."""

from __future__ import annotations

import pytest

from hunar.domain.channel import LATER, REFUSED, TAKEN, Account, BadAnswer, Posted
from tests.marketplaces.case import Case
from tests.marketplaces.registered import every_api
from tests.marketplaces.test_asking import NO_ANSWER, api_of


@every_api
def test_a_call_tells_as_many_listings_as_the_channel_takes_and_no_more(case: Case) -> None:
    api = api_of(case)
    most = api.channel.MOST_OFFERS
    assert len(api.offers) > most
    call = api.channel.publish(api.account, api.offers[:most])
    said = f"{call.path} {call.body}"
    assert all(offer.listing in said for offer in api.offers[:most])
    for offers in ([], api.offers[: most + 1]):
        with pytest.raises(ValueError, match="."):
            api.channel.publish(api.account, offers)


@every_api
def test_an_offer_or_account_that_lacks_what_the_channel_needs_says_what(case: Case) -> None:
    api = api_of(case)
    with pytest.raises(ValueError, match=api.nameless.listing):
        api.channel.publish(api.account, [api.nameless])
    bare = Account(api.account.marketplace, api.account.name)
    with pytest.raises(ValueError, match="_id"):
        api.channel.publish(bare, api.offers[:1])


@every_api
def test_a_number_is_taken_refused_or_told_again_listing_by_listing(case: Case) -> None:
    """A refusal stands inside of an answer with status 200, and an answer may leave a listing out."""
    api = api_of(case)
    for verdicts in ((True,), (False,), (None,), (True, False, None)):
        offers = api.offers[: len(verdicts)]
        if len(offers) > api.channel.MOST_OFFERS:
            continue
        call = api.channel.publish(api.account, offers)
        said = {offer.listing: taken for offer, taken in zip(offers, verdicts, strict=True) if taken is not None}
        if not said and api.channel.MOST_OFFERS == 1:
            with pytest.raises(BadAnswer):
                api.channel.posted(call, 200, api.posted(call, said))
            continue
        found = api.channel.posted(call, 200, api.posted(call, said))
        wanted = {True: TAKEN, False: REFUSED, None: LATER}
        assert [(posted.listing, posted.verdict) for posted in found] == [
            (offer.listing, wanted[taken]) for offer, taken in zip(offers, verdicts, strict=True)
        ]
        for posted in found:
            assert posted.message.isprintable() and len(posted.message) <= 500
            assert bool(posted.message) or posted.verdict == TAKEN


@every_api
def test_what_is_no_answer_to_an_offer_is_named_as_one_or_told_again(case: Case) -> None:
    api = api_of(case)
    call = api.channel.publish(api.account, api.offers[:1])
    for raw in NO_ANSWER:
        for status in (200, 400):
            try:
                found = api.channel.posted(call, status, raw)
            except BadAnswer as error:
                assert str(error).isprintable()
            else:
                [posted] = found
                assert isinstance(posted, Posted)
                assert posted.verdict != TAKEN and posted.message


@every_api
def test_what_the_channel_shows_is_read_listing_by_listing(case: Case) -> None:
    api = api_of(case)
    listings = [offer.listing for offer in api.offers[: min(2, api.channel.MOST_OFFERS)]]
    call = api.channel.show(api.account, listings)
    assert dict(api.channel.shown(call, api.shown(call, dict.fromkeys(listings, 4)))) == dict.fromkeys(listings, 4)
    assert dict(api.channel.shown(call, api.shown(call, {listings[0]: 0})))[listings[0]] == 0
    for raw in NO_ANSWER:
        try:
            assert set(api.channel.shown(call, raw).values()) <= {None}
        except BadAnswer as error:
            assert str(error).isprintable()
    with pytest.raises(ValueError, match="."):
        api.channel.show(api.account, [offer.listing for offer in api.offers[: api.channel.MOST_OFFERS + 1]])
