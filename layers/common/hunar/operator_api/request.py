"""A call that changes something: its body, who makes it, and under which id."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from hunar.domain.spreadsheet import Problem
from hunar.messages import wrong_field
from hunar.operator_api.bodies import Body
from hunar.ports import Rejected
from hunar.use_cases.operate import By

MOST_BYTES: Final = 64 * 1024
LONGEST_PERSON: Final = 150
ACT_ID_HEADER: Final = "idempotency-key"

B = TypeVar("B", bound=Body)


class Refused(Exception):
    """Refused for what HTTP has a status for: a body that is too large, a caller whom nobody knows."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Findings(Exception):
    """A file is refused for what is wrong in it."""

    def __init__(self, detail: str, errors: Sequence[Problem]) -> None:
        super().__init__(detail)
        self.errors = errors


@dataclass(frozen=True)
class Call:
    """One call of a route that changes something."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    person: str
    given_id: str | None
    """The act's id in the header."""
    own_id: str
    """The act's id when the caller gives none: the gateway's id of the request."""

    @classmethod
    def of(cls, event: Mapping[str, Any], *, emulated: bool, most: int = MOST_BYTES, larger: str = "") -> Call:
        """An API Gateway event (payload 2.0). Raises Refused, and Rejected for a body that is no text.

        A body may have ``most`` bytes; ``larger`` says what to do with more.
        """
        person = caller(event, emulated=emulated)
        if person is None:
            raise Refused(403, "nobody knows who is calling")
        text = event.get("body") or ""
        try:
            body = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
        except ValueError:
            raise Rejected("body: is no text") from None
        if len(body) > most:
            raise Refused(413, f"a body may have {most} bytes{larger}")
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        own_id = event["requestContext"]["requestId"]
        path, query = event.get("pathParameters") or {}, event.get("queryStringParameters") or {}
        return cls(path, query, body, person, headers.get(ACT_ID_HEADER), own_id)

    def read(self, shape: type[B]) -> B:
        """The body. Raises Rejected naming the first field that is wrong."""
        try:
            return shape.model_validate_json(self.body)
        except ValidationError as error:
            # What our own rules say of the whole body names the field itself.
            raise Rejected(wrong_field(error).removeprefix("message: ")) from None

    def by(self, body: Body, reason: str) -> By:
        """Who acts and under which id. Raises Rejected when header and body name two."""
        ids = {identity for identity in (body.act_id, self.given_id) if identity}
        if len(ids) > 1:
            raise Rejected(f"act_id: differs from the header {ACT_ID_HEADER}")
        [act_id] = ids or {self.own_id}
        if not (len(act_id) <= 64 and act_id.isascii() and act_id.isprintable() and " " not in act_id):
            raise Rejected("act_id: an id of at most 64 letters, digits and signs without spaces")
        return By(self.person, reason, act_id)


def caller(event: Mapping[str, Any], *, emulated: bool) -> str | None:
    """The person, as IAM knows them: the last part of the user's or the assumed role's ARN. Never from the body, and
    never an access key, of which a person may have two. None of a role's and a session's name is cut off.

    An emulator checks no signature and knows no users: there, and nowhere else, the access key in the
    ``Authorization`` header stands for the person.
    """
    iam = (event["requestContext"].get("authorizer") or {}).get("iam") or {}
    found = iam.get("userArn")
    if not found and emulated:
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        _, _, scope = str(headers.get("authorization", "")).partition("Credential=")
        found = scope.partition("/")[0]
    return str(found).rpartition(":")[2][-LONGEST_PERSON:] if found else None
