"""RazorpayX's payouts over HTTPS, from a machine whose address is allow-listed: one attempt, one request.

A request without an answer may have been taken: it is for the caller to ask again, with the same line. Nothing here
remembers what was sent; RazorpayX does, by the idempotency key and by the reference.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from hunar.adapters.http import Answer, NoAnswer, TooLarge, Unsendable, ask
from hunar.adapters.loopback import local_only
from hunar.domain.razorpayx import Line, NotTaken, Payout, told
from hunar.ports import ApiSecret, Rejected, Retryable

REAL: Final = "https://api.razorpay.com"
PER_SECOND: Final = 5
"""Of the 5 to 10 calls in a second that RazorpayX allows (its page on best practices)."""
CALL_SECONDS: Final = 30.0
MOST_BYTES: Final = 1024 * 1024
MOST_FOUND: Final = 100
"""Payouts in one answer: the most that RazorpayX gives. More than a handful of one reference is a fault."""
PATIENCE: Final = 5
"""How often a call is made again that came too soon."""
LONGEST_PAUSE: Final = 60.0


def base_url(told: str, *, local: bool, demo: bool) -> str:
    """RazorpayX's own host, or the fake that listens at ``told``.

    RuntimeError for a local or demo stack that would move real money, and for any other that could be led away from
    RazorpayX: its keys would go to whoever listens there.
    """
    if local or demo:
        if not local_only(told):
            raise RuntimeError("a demo pays nobody: RAZORPAYX_API_URL must be the address of a fake on this machine")
        return told.rstrip("/")
    if told:
        raise RuntimeError("RAZORPAYX_API_URL: only the local stack and a demo ask elsewhere than RazorpayX")
    return REAL


class RazorpayX:
    """``clock`` tells seconds that only go on, ``sleep`` waits for some. ``repr`` and errors show no secret."""

    def __init__(
        self, base: str, secret: ApiSecret, clock: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._base = base
        pair = f"{secret.client_id}:{secret.client_secret}".encode()
        self._authorization = f"Basic {base64.b64encode(pair).decode()}"
        self._clock = clock
        self._sleep = sleep
        self._next = clock()

    def __repr__(self) -> str:
        return "RazorpayX(…)"

    def find(self, account_number: str, reference: str) -> Sequence[Payout]:
        """All payouts with the reference. Raises Rejected, Retryable."""
        query = urlencode({"account_number": account_number, "reference_id": reference, "count": MOST_FOUND})
        answer = self._call("GET", f"/v1/payouts?{query}", {}, None)
        if answer.status != 200:
            raise self._unclear("payouts were asked for", answer)
        items = _object(answer).get("items")
        if not isinstance(items, list):
            raise Rejected("RazorpayX answered with no list of payouts")
        found = [_told(item) for item in items]
        if any(one.reference != reference for one in found):
            # Then an empty answer would prove nothing either, and somebody could be paid twice.
            raise Rejected("RazorpayX showed payouts of other references than the one that was asked for")
        return found

    def create(self, line: Line) -> Payout:
        """Pays a line, or finds that it was paid by it before. Raises NotTaken, Rejected, Retryable."""
        headers = {"X-Payout-Idempotency": line.payout_id, "Content-Type": "application/json"}
        answer = self._call("POST", "/v1/payouts", headers, line.body)
        if answer.status in (200, 201):
            payout = _told(_object(answer))
            if (payout.reference, payout.amount_paise) != (line.payout_id, line.amount_paise):
                raise Rejected(f"RazorpayX answers for {line.payout_id} with another payout, {payout.id}")
            return payout
        if 400 <= answer.status < 500 and answer.status not in (401, 403, 408, 409):
            raise NotTaken(_reason(answer))
        raise self._unclear(f"{line.payout_id} was sent", answer)

    def _unclear(self, what: str, answer: Answer) -> Exception:
        if answer.status in (401, 403):
            return Rejected(f"RazorpayX does not know these keys, or not this address: {_reason(answer)}")
        if 400 <= answer.status < 500 and answer.status not in (408, 409, 429):
            return Rejected(f"{what}, and RazorpayX refused it: {_reason(answer)}")
        return Retryable(f"{what}, and RazorpayX answered {answer.status}; run it again")

    def _call(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        all_headers = {"Accept": "application/json", "Authorization": self._authorization, **headers}
        for again in range(PATIENCE + 1):
            self._turn()
            try:
                answer = ask(self._base, method, path, all_headers, body, seconds=CALL_SECONDS, most=MOST_BYTES)
            except (TooLarge, Unsendable) as error:
                raise Rejected(f"RazorpayX: {error}") from None
            except NoAnswer as error:
                raise Retryable(f"RazorpayX did not answer ({error}); run it again") from None
            if answer.status != 429 or again == PATIENCE:
                break
            self._sleep(_pause(answer.headers.get("retry-after", ""), again))
        return answer

    def _turn(self) -> None:
        """Waits until the next call may be made."""
        if (left := self._next - self._clock()) > 0:
            self._sleep(left)
        self._next = self._clock() + 1 / PER_SECOND


def _pause(told: str, again: int) -> float:
    seconds = float(told) if re.fullmatch(r"[0-9]{1,4}", told.strip()) else float(2**again)
    return min(seconds, LONGEST_PAUSE)


def _object(answer: Answer) -> dict[str, Any]:
    try:
        content = json.loads(answer.body)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        # It may have been taken all the same.
        raise Retryable("RazorpayX answered with something that is no JSON; run it again")
    return content


def _told(entity: Any) -> Payout:
    try:
        return told(entity if isinstance(entity, dict) else {})
    except ValueError as error:
        raise Rejected(f"RazorpayX showed a payout that cannot be read: {error}") from None


def _reason(answer: Answer) -> str:
    """Its own words for why not, without any number of an account."""
    try:
        error = json.loads(answer.body)["error"]
        words = [error.get(name) for name in ("field", "description")]
    except (ValueError, KeyError, TypeError, AttributeError):
        words = []
    said = ": ".join(word for word in words if isinstance(word, str) and word)
    return re.sub(r"[A-Z0-9]*[0-9]{4,}[A-Z0-9]*", "…", said)[:200] or f"status {answer.status}"
