"""RazorpayX, played: payouts over its API as its pages describe it, their states, and its signed webhooks.

It shares no code with what it checks. It refuses what RazorpayX refuses, remembers idempotency keys for a week and no
longer, and knows what has left the account. Time is given to it with every request.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from local.fake_api import Answer, Refusal, Request, as_json

KEY_LIVES: Final = timedelta(days=7)
PER_SECOND: Final = 10
LAKH: Final = 1_00_000_00

_KEY: Final = re.compile(r"[A-Za-z0-9 _-]{4,36}")
_NARRATION: Final = re.compile(r"[A-Za-z0-9 ]{1,30}")
_IFSC: Final = re.compile(r"[A-Z]{4}0[A-Z0-9]{6}")
_ACCOUNT: Final = re.compile(r"[A-Za-z0-9]{5,35}")
_NAME: Final = re.compile(r"[A-Za-z0-9 ’'_/().&-]{4,120}")
_PURPOSES: Final = ("refund", "cashback", "payout", "salary", "utility bill", "vendor bill")
_FIELDS: Final = frozenset(
    {"account_number", "amount", "currency", "mode", "purpose", "queue_if_low_balance", "reference_id", "narration"}
    | {"notes", "fund_account", "fund_account_id"}
)

NEXT: Final[Mapping[str, tuple[str, ...]]] = {
    "pending": ("queued", "processing", "scheduled", "rejected"),
    "scheduled": ("processing", "cancelled"),
    "queued": ("processing", "cancelled", "failed"),
    "processing": ("processed", "reversed", "failed"),
    "processed": ("reversed",),
}
"""What may become of a payout. Nothing becomes of one that was reversed, rejected, failed or cancelled."""
GONE: Final = ("processing", "processed")
"""States in which the money is not in the agency's account."""


class FakeRazorpayX:
    """One merchant with one account. ``balance`` is in paise."""

    def __init__(self, *, account_number: str = "7878780080316316", balance: int = 100 * LAKH) -> None:
        self.account_number = account_number
        self.balance = balance
        self.key_id, self.key_secret = "rzp_test_key", "secret-of-the-merchant"
        self.webhook_secret = self.key_secret.replace("merchant", "webhook")
        self.approvals = False
        """Whether somebody must approve each payout on the dashboard first."""
        self.inactive: set[str] = set()
        """Accounts whose fund account was deactivated."""
        self.payouts: dict[str, dict[str, Any]] = {}
        self.webhooks: list[bytes] = []
        """Bodies in the order in which they happened."""
        self._keys: dict[str, tuple[str, str, datetime]] = {}
        self._calls: list[datetime] = []

    # the API

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Answer:
        request = Request.read(method, target, headers, body, now)
        try:
            self._admitted(request)
            if (method, request.path) == ("POST", "/v1/payouts"):
                return as_json(self._create(request))
            if (method, request.path) == ("GET", "/v1/payouts"):
                return as_json(self._list(request))
            if method == "GET" and (found := self.payouts.get(request.path.removeprefix("/v1/payouts/"))):
                return as_json(found)
        except Refusal as refusal:
            return refusal.answer
        return _refused(404, "The requested URL was not found on the server.").answer

    def _admitted(self, request: Request) -> None:
        pair = base64.b64encode(f"{self.key_id}:{self.key_secret}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {pair}":
            raise _refused(401, "Authentication failed")
        self._calls = [at for at in self._calls if request.now - at < timedelta(seconds=1)]
        if len(self._calls) >= PER_SECOND:
            raise Refusal(as_json({"error": {"description": "Too many requests"}}, 429, Retry_After="1"))
        self._calls.append(request.now)

    def _create(self, request: Request) -> dict[str, Any]:
        key = request.headers.get("x-payout-idempotency", "")
        if not key:
            raise _refused(400, "Idempotency key is missing. Include idempotency header and key in the request.")
        if not _KEY.fullmatch(key):
            raise _refused(400, "Idempotency key is not 4 to 36 characters of the allowed ones", "X-Payout-Idempotency")
        digest = hashlib.sha256(request.body).hexdigest()
        known = self._keys.get(key)
        if known and request.now - known[2] < KEY_LIVES:
            if known[0] != digest:
                raise _refused(400, "Different request body with the same Idempotency Key", "X-Payout-Idempotency")
            return self.payouts[known[1]]
        try:
            body = request.object()
        except ValueError:
            raise _refused(400, "The request is no JSON object") from None
        self._check(body)
        made = self._made(body, request.now)
        self._keys[key] = (digest, made["id"], request.now)
        return made

    def _check(self, body: dict[str, Any]) -> None:
        if unknown := sorted(body.keys() - _FIELDS):
            raise _refused(400, f"{unknown[0]} is/are not required and should not be sent", unknown[0])
        if body.get("account_number") != self.account_number:
            raise _refused(400, "The account number is not yours", "account_number")
        amount, mode = body.get("amount"), body.get("mode")
        if type(amount) is not int or amount < 100:
            raise _refused(400, "The amount must be at least INR 1.00", "amount")
        if body.get("currency") != "INR":
            raise _refused(400, "The currency must be INR", "currency")
        if mode not in ("NEFT", "IMPS", "RTGS"):
            raise _refused(400, "Payout mode is invalid", "mode")
        if (mode == "RTGS" and amount < 2 * LAKH) or (mode == "IMPS" and amount > 5 * LAKH):
            raise _refused(400, f"The amount is outside of what {mode} takes", "amount")
        if body.get("purpose") not in _PURPOSES:
            raise _refused(400, "Invalid purpose", "purpose")
        if not _NARRATION.fullmatch(str(body.get("narration") or "x")):
            raise _refused(400, "The narration may have 30 letters, digits and spaces", "narration")
        if len(str(body.get("reference_id") or "")) > 40:
            raise _refused(400, "The reference id may not be greater than 40 characters", "reference_id")
        notes = body.get("notes") or {}
        if not isinstance(notes, dict) or len(notes) > 15 or any(len(str(value)) > 256 for value in notes.values()):
            raise _refused(400, "At most 15 notes of 256 characters", "notes")
        self._check_fund_account(body.get("fund_account"))

    def _check_fund_account(self, given: Any) -> None:
        if not isinstance(given, dict) or given.get("account_type") != "bank_account":
            raise _refused(400, "The fund account is missing", "fund_account")
        bank, contact = given.get("bank_account") or {}, given.get("contact") or {}
        if not _IFSC.fullmatch(str(bank.get("ifsc"))):
            raise _refused(400, "Invalid IFSC Code in Bank Account", "ifsc")
        if not _ACCOUNT.fullmatch(str(bank.get("account_number"))):
            raise _refused(400, "The account number is invalid", "account_number")
        for name in (bank.get("name"), contact.get("name")):
            if not _NAME.fullmatch(str(name or "")):
                raise _refused(400, "The name is invalid", "name")
        if len(str(contact.get("name"))) > 50:
            raise _refused(400, "The name may not be greater than 50 characters", "name")
        if bank["account_number"] in self.inactive:
            raise _refused(400, f"Payouts to the inactive fund account {bank['account_number']} are not allowed")

    def _made(self, body: dict[str, Any], now: datetime) -> dict[str, Any]:
        amount = body["amount"]
        status = "pending" if self.approvals else "processing"
        if status == "processing" and amount > self.balance:
            if body.get("queue_if_low_balance") is not True:
                raise _refused(400, "Your account does not have enough balance to carry out the payout operation.")
            status = "queued"
        identity = f"pout_{len(self.payouts) + 1:014}"
        bank = body["fund_account"]["bank_account"]
        made = {
            "id": identity,
            "entity": "payout",
            "fund_account_id": f"fa_{hashlib.sha256(bank['account_number'].encode()).hexdigest()[:14]}",
            "fund_account": body["fund_account"],
            "amount": amount,
            "currency": "INR",
            "notes": body.get("notes") or [],
            "fees": 0,
            "tax": 0,
            "status": status,
            "purpose": body["purpose"],
            "utr": None,
            "mode": body["mode"],
            "reference_id": body.get("reference_id"),
            "narration": body.get("narration"),
            "batch_id": None,
            "status_details": {"reason": "low_balance"} if status == "queued" else None,
            "created_at": int(now.timestamp()),
        }
        self.payouts[identity] = made
        if status == "processing":
            self.balance -= amount
        self._tell("initiated" if status == "processing" else status, made, now)
        return made

    def _list(self, request: Request) -> dict[str, Any]:
        query = {name: values[0] for name, values in request.query.items()}
        if query.get("account_number") != self.account_number:
            raise _refused(400, "The account number is missing or not yours", "account_number")
        found = [
            one for one in reversed(self.payouts.values()) if query.get("reference_id") in (None, one["reference_id"])
        ]
        count = min(int(query.get("count", 10)), 100)
        return {"entity": "collection", "count": len(found[:count]), "items": found[:count]}

    # what happens at the bank

    def of(self, reference: str) -> list[dict[str, Any]]:
        return [one for one in self.payouts.values() if one["reference_id"] == reference]

    def left(self, reference: str) -> int:
        """Paise that have left the account for a reference and did not come back."""
        return sum(one["amount"] for one in self.of(reference) if one["status"] in GONE)

    def move(self, identity: str, status: str, now: datetime, *, utr: str | None = None, reason: str = "") -> None:
        """Something becomes of a payout. ValueError for what cannot."""
        one = self.payouts[identity]
        if status not in NEXT.get(one["status"], ()):
            raise ValueError(f"{one['status']} does not become {status}")
        if one["status"] not in GONE and status in GONE:
            if one["amount"] > self.balance:
                raise ValueError("there is not enough money for it")
            self.balance -= one["amount"]
        elif one["status"] in GONE and status not in GONE:
            self.balance += one["amount"]
        one["status"] = status
        one["utr"] = utr or one["utr"]
        one["status_details"] = {"reason": reason or f"payout_{status}", "description": "A sentence.", "source": "bank"}
        self._tell("initiated" if status == "processing" else status, one, now)

    def reference_known(self, identity: str, utr: str, now: datetime) -> None:
        """The bank's reference of a payout comes later: with NEFT, within 90 seconds."""
        self.payouts[identity]["utr"] = utr
        self._tell("updated", self.payouts[identity], now)

    def _tell(self, event: str, payout: dict[str, Any], now: datetime) -> None:
        body = {
            "entity": "event",
            "account_id": "acc_00000000000001",
            "event": f"payout.{event}",
            "contains": ["payout"],
            "payload": {"payout": {"entity": payout}},
            "created_at": int(now.timestamp()),
        }
        self.webhooks.append(json.dumps(body).encode())

    def signed(self, raw: bytes, secret: str | None = None) -> dict[str, str]:
        """The headers of a webhook's call, in small letters as a gateway hands them on."""
        key = (secret or self.webhook_secret).encode()
        return {
            "content-type": "application/json",
            "x-razorpay-signature": hmac.new(key, raw, hashlib.sha256).hexdigest(),
            "x-razorpay-event-id": hashlib.sha256(raw).hexdigest()[:14],
        }


def _refused(status: int, description: str, field: str | None = None) -> Refusal:
    error = {"code": "BAD_REQUEST_ERROR", "description": description, "source": "business", "field": field}
    return Refusal(as_json({"error": error}, status))
