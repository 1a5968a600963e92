"""Who sent it: Flipkart's signature, its date, and every way to get past them that we know of."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunar.domain.proof import Proof
from hunar.marketplaces.flipkart import prove, signature
from hunar.ports import WebhookSecret

SAMPLES = Path(__file__).parents[1] / "samples" / "flipkart"
VECTOR = json.loads((SAMPLES / "signature_vector.json").read_text())
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
SECRET = WebhookSecret(
    app_id="app", secret="current", previous_secret="previous", url="https://hunar.example/webhooks/flipkart/demo"
)


def signed(at: datetime = NOW, secret: str = "current", url: str = SECRET.url, app_id: str = "app") -> dict[str, str]:
    return {
        "x_date": format_datetime(at, usegmt=True),
        "x_authorization": signature(app_id, secret, url, int(at.timestamp())),
    }


def proof(headers: dict[str, str], secret: WebhookSecret = SECRET, now: datetime = NOW) -> Proof:
    return prove(headers, b"{}", secret, now)


def test_the_published_vector_is_proved() -> None:
    secret = WebhookSecret(VECTOR["app_id"], VECTOR["app_secret"], None, VECTOR["url"])
    headers = {"X_Date": VECTOR["x_date"], "X_Authorization": VECTOR["x_authorization"]}
    at = datetime.fromtimestamp(VECTOR["epoch_seconds_signed"], UTC)
    assert proof(headers, secret, at) is Proof.PROVED
    assert signature(VECTOR["app_id"], VECTOR["app_secret"], VECTOR["url"], 1432026135) == VECTOR["x_authorization"]


def test_the_hash_over_the_text_of_the_date_is_forged() -> None:
    headers = signed()
    digest = hashlib.sha1(f"{headers['x_date']}{SECRET.url}POSTcurrent".encode()).hexdigest()
    headers["x_authorization"] = "FKLOGIN " + base64.b64encode(f"app:{digest}".encode()).decode()
    assert proof(headers) is Proof.FORGED


def test_hyphens_that_a_gateway_made_of_underscores_are_accepted() -> None:
    headers = {name.replace("_", "-").title(): value for name, value in signed().items()}
    assert set(headers) == {"X-Date", "X-Authorization"}
    assert proof(headers) is Proof.PROVED


@pytest.mark.parametrize(
    "date",
    [
        "Tue, 24 Nov 2026 15:00:00 IST",
        "Tue, 24 Nov 2026 15:00:00 +0530",
        "Tue, 24 Nov 2026 09:30:00 UTC",
        "Mon, 24 Nov 2026 09:30:00 GMT",
        "Tue, 24 nov 2026 09:30:00 GMT",
        "Tue, 24 Foo 2026 09:30:00 GMT",
        "Tue, 24 Nov 2026 9:30:00 GMT",
        "Tue, 24 Nov 2026 09:30:60 GMT",
        "Tue, 31 Nov 2026 09:30:00 GMT",
        "Tue, ٢٤ Nov 2026 09:30:00 GMT",
        "Tuesday, 24-Nov-26 09:30:00 GMT",
        "Tue Nov 24 09:30:00 2026",
        " Tue, 24 Nov 2026 09:30:00 GMT",
        "Tue, 24 Nov 2026 09:30:00 GMT\n",
        "2026-11-24T09:30:00Z",
        "1795512600",
    ],
)
def test_fault_10_only_an_imf_fixdate_is_a_date(date: str) -> None:
    assert proof(signed()) is Proof.PROVED
    assert proof(signed() | {"x_date": date}) is Proof.FORGED


def test_fault_11_a_wrong_cut_or_lengthened_signature_is_forged() -> None:
    true = signed()["x_authorization"]
    digest = base64.b64decode(true.removeprefix("FKLOGIN ")).decode()
    upper = "FKLOGIN " + base64.b64encode(digest.upper().encode()).decode()
    for wrong in (true[:-1], true[:20], true + "=", true.swapcase(), upper, true + " ", "FKLOGIN", "FKLOGIN é\ud800"):
        assert proof(signed() | {"x_authorization": wrong}) is Proof.FORGED
    assert proof(signed(secret="guess")) is Proof.FORGED
    assert proof(signed(url="https://elsewhere.example/webhooks/flipkart/demo")) is Proof.FORGED


def test_fault_12_a_header_chooses_neither_scheme_nor_application() -> None:
    token = signed()["x_authorization"].removeprefix("FKLOGIN ")
    for scheme in ("Basic ", "Bearer ", "fklogin ", "FKLOGIN2 ", ""):
        assert proof(signed() | {"x_authorization": scheme + token}) is Proof.FORGED
    assert proof(signed(app_id="other")) is Proof.FORGED


def test_the_url_comes_from_the_secret_whatever_the_host_header_says() -> None:
    elsewhere = {"host": "elsewhere.example", "x-forwarded-host": "elsewhere.example", "forwarded": "host=elsewhere"}
    assert proof(signed() | elsewhere) is Proof.PROVED


@given(st.timedeltas(timedelta(days=-400), timedelta(days=400)))
def test_fault_10_the_window_depends_on_whole_seconds_alone(moved: timedelta) -> None:
    at = (NOW + moved).replace(microsecond=0)
    inside = NOW - timedelta(minutes=15) <= at <= NOW + timedelta(minutes=5)
    assert proof(signed(at)) is (Proof.PROVED if inside else Proof.STALE)
