"""SMS by AWS End User Messaging (``pinpoint-sms-voice-v2``).

Neither this API nor any other of AWS for SMS has an idempotency token: a client that tries again
after a time-out can put the same text on a phone twice. So a client with exactly one attempt, and
four answers, one of which is "nobody knows".

==============================================  ==========  ================================================
What came back                                  Answer      Why
==============================================  ==========  ================================================
MessageId                                       Accepted
no connection, no address, no credentials       Throttled   the request never left; the same text may go later
ThrottlingException                             Throttled   AWS refuses before it accepts
AccessDeniedException, a bad signature          Throttled   the account's or the role's fault: nothing was
                                                            sent, and the text is right once that is mended
ServiceQuotaExceededException                   Throttled   as above: the spend limit or a quota of the account
ValidationException                             Refused     number, price, sender or registration: the same
                                                            request is never taken, a person must look
ConflictException                               Refused     opted out, unverified or blocked number, resource
                                                            not active: a person must look
ResourceNotFoundException                       Refused     sender id or configuration set is unknown
another 4xx                                     Refused     refused, so not sent; new to us, so a person looks
InternalServerException, any 5xx, 408           Unanswered  it may have been accepted before the failure
time-out or broken connection after sending     Unanswered  as above
an answer that cannot be read                   Unanswered  as above
==============================================  ==========  ================================================
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoAuthTokenError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProxyConnectionError,
)

from hunar.adapters.loopback import local_only
from hunar.ports import Accepted, Refused, SmsAnswer, SmsRequest, Throttled, Unanswered

ENDPOINT_VARIABLE: Final = "AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2"
"""Where botocore itself takes the address of an emulated SMS service from."""

_NOT_LEFT: Final = (
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoAuthTokenError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProxyConnectionError,
)
_LATER: Final = frozenset(
    {
        "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded",
        "AccessDeniedException", "AccessDenied", "ServiceQuotaExceededException",
        "ExpiredTokenException", "IncompleteSignature", "InvalidClientTokenId", "InvalidSignatureException",
        "MissingAuthenticationTokenException", "NotAuthorized", "OptInRequired", "RequestExpired",
        "UnrecognizedClientException",
    }
)  # fmt: skip

# botocore checks neither patterns nor the greatest lengths, so they are checked here.
_NUMBER: Final = re.compile(r"\+91[6-9][0-9]{9}")
_DLT_ID: Final = re.compile(r"[0-9]{1,64}")
_SENDER: Final = re.compile(r"[A-Za-z]{3,6}")
"""A header for service texts: three to six letters."""
_CODE: Final = re.compile(r"[A-Za-z0-9_]{1,80}")
_LONGEST_BODY: Final = 1600


class EndUserMessaging:
    """Sends one text with one request.

    ``client`` must have ``total_max_attempts=1`` (ValueError otherwise). ``max_price`` is what one text may
    cost in US dollars: between the price of the local route and that of the international one, so that a
    registration that got lost stops the text instead of costing many times as much.
    """

    def __init__(self, client: Any, *, max_price: str = "0.01", configuration_set: str | None = None) -> None:
        if client.meta.config.retries.get("total_max_attempts") != 1:
            raise ValueError("the SMS client must make exactly one attempt")
        self._client = client
        self._always = {"MessageType": "TRANSACTIONAL", "MaxPrice": max_price}
        if configuration_set:
            self._always["ConfigurationSetName"] = configuration_set

    def send(self, request: SmsRequest) -> SmsAnswer:
        """Raises nothing that the provider or the network does: each has its answer."""
        wrong = _wrong_field(request)
        if wrong:
            return Refused(f"Invalid{wrong}")
        try:
            answer = self._client.send_text_message(
                DestinationPhoneNumber=request.to,
                OriginationIdentity=request.sender_id,
                MessageBody=request.text,
                TimeToLive=request.time_to_live_seconds,
                Context={"notification_id": request.notification_id},
                DestinationCountryParameters={
                    "IN_ENTITY_ID": request.entity_id,
                    "IN_TEMPLATE_ID": request.template_id,
                },
                **self._always,
            )
        except ClientError as error:
            return _answer(error.response)
        except ParamValidationError:
            return Refused("ParamValidationError")
        except _NOT_LEFT as error:
            return Throttled(type(error).__name__)
        except BotoCoreError as error:
            return Unanswered(type(error).__name__)
        provider_id = answer.get("MessageId")
        return Accepted(provider_id) if provider_id else Unanswered("NoMessageId")


def require_fake(settings_demo: bool, environ: Mapping[str, str]) -> None:
    """Stops a demo, or a local stack, that could reach a real phone.

    RuntimeError unless the variable that botocore reads points to this machine. A demo's numbers are
    invented, but somebody may own them.
    """
    if not settings_demo and environ.get("STAGE", "local") != "local":
        return
    ignored = environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true"
    if ignored or not local_only(environ.get(ENDPOINT_VARIABLE, "")):
        raise RuntimeError(f"a demo or local stack sends no real SMS: {ENDPOINT_VARIABLE} must be a loopback address")


def _wrong_field(request: SmsRequest) -> str | None:
    checks = {
        "DestinationPhoneNumber": _NUMBER.fullmatch(request.to),
        "OriginationIdentity": _SENDER.fullmatch(request.sender_id),
        "MessageBody": request.text.strip() and len(request.text) <= _LONGEST_BODY,
        "EntityId": _DLT_ID.fullmatch(request.entity_id),
        "TemplateId": _DLT_ID.fullmatch(request.template_id),
        "TimeToLive": 5 <= request.time_to_live_seconds <= 259_200,
    }
    return next((field for field, good in checks.items() if not good), None)


def _answer(response: Mapping[str, Any]) -> SmsAnswer:
    code = _coded(response.get("Error", {}).get("Code"))
    detail = _coded(response.get("Reason"))
    reason = ":".join(filter(None, (code, detail))) or "NoCode"
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _LATER:
        return Throttled(reason)
    if 400 <= status < 500 and status != 408:
        return Throttled(reason) if status == 429 else Refused(reason)
    return Unanswered(reason)


def _coded(text: object) -> str:
    """Only codes go on: an error's message can repeat the number or the text."""
    return text if isinstance(text, str) and _CODE.fullmatch(text) else ""
