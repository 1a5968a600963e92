"""Calls of the operators' API, signed by whoever gives the command: IAM says who that is, and nobody else can.

What concerns payouts goes this way and not to the tables: nobody's credentials open the groups' bank accounts.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

import typer
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from hunar.adapters.http import Answer, NoAnswer, TooLarge, Unsendable, ask
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Failed

SECONDS: Final = 35.0
"""A little more than the API itself waits for its function."""
MOST_BYTES: Final = 8 * 1024 * 1024

As = Annotated[
    Literal["maker", "checker"],
    typer.Option("--as", help="Which of the local stack's two persons it is; in AWS IAM knows."),
]


class Refused(Failed):
    """The API will not do it. Nothing of it was done."""


class OperatorsApi:
    def __init__(self, deployed: Deployed, person: str = "maker") -> None:
        self._deployed = deployed
        self._person = person
        self._base = (deployed.public_url or deployed.output("ApiUrl")).rstrip("/")

    def get(self, path: str) -> Any:
        return json.loads(self._asked("GET", path, None).body)

    def download(self, path: str) -> tuple[str, bytes]:
        """Name and bytes."""
        answer = self._asked("GET", path, None)
        name = answer.headers.get("content-disposition", "").partition('filename="')[2].rstrip('"')
        return name, answer.body

    def post(self, path: str, **body: Any) -> Any:
        said = {name: value for name, value in body.items() if value is not None}
        return json.loads(self._asked("POST", path, said).body)

    def all(self, path: str) -> list[Any]:
        """Every page of a list."""
        found: list[Any] = []
        page = self.get(path)
        while True:
            found += page["items"]
            if page["next"] is None:
                return found
            page = self.get(f"{path}?next={token(page['next'])}")

    def _asked(self, method: str, path: str, body: dict[str, Any] | None) -> Answer:
        """Raises Failed with what the API says is wrong."""
        data = None if body is None else json.dumps(body).encode()
        try:
            answer = ask(
                self._base, method, path, self._signed(method, path, data), data, seconds=SECONDS, most=MOST_BYTES
            )
        except (NoAnswer, TooLarge, Unsendable) as error:
            raise Failed(f"the operators' API was not reached: {error}") from None
        if answer.status >= 400:
            raise (Failed if answer.status >= 500 else Refused)(_detail(answer))
        return answer

    def _signed(self, method: str, path: str, data: bytes | None) -> dict[str, str]:
        headers = {"content-type": "application/json"} if data is not None else {}
        if self._deployed.stage == LOCAL:
            # The local stack signs by itself, for the person who is named.
            return headers | {"X-Local-User": self._person}
        credentials = self._deployed.session.get_credentials()
        if credentials is None:
            raise Failed("no AWS credentials: sign in to the account of the stack")
        request = AWSRequest(method=method, url=f"{self._base}{path}", data=data, headers=headers)
        SigV4Auth(credentials.get_frozen_credentials(), "execute-api", self._deployed.session.region_name).add_auth(
            request
        )
        return dict(request.headers.items())


def token(text: str) -> str:
    """Where a next page begins, as it stands in a query."""
    return quote(text, safe="")


def _detail(answer: Answer) -> str:
    try:
        said = json.loads(answer.body)
    except ValueError:
        return f"the operators' API answered {answer.status}"
    return str(said.get("detail") or said.get("message") or f"the operators' API answered {answer.status}")
