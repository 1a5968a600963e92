"""What AWS answers to a text, through either of its APIs.

Neither has an idempotency token: a client that tries again after a time-out can put the same text on a phone twice. So
a client with exactly one attempt, and five answers, one of which is "nobody knows".

==============================================  ==========  ================================================
What came back                                  Answer      Why
==============================================  ==========  ================================================
MessageId                                       Accepted
no connection, no address, no credentials       Throttled   the request never left; the same text may go later
throttling, 429                                 Throttled   AWS refuses before it accepts
credentials or a request that grew too old      Throttled   as above; the next ones are fresh
access denied, a bad signature, no such key     Stopped     the account's or the role's fault: nothing was sent,
                                                            and every text meets the same until a person acts
a quota: the month's spend limit                Stopped     as above
a reason that the provider's module lists       Stopped     as above
another 4xx                                     Refused     refused, so not sent; the number, the text or its
                                                            registration is at fault, so a person looks
any 5xx, 408                                    Unanswered  it may have been accepted before the failure
time-out or broken connection after sending     Unanswered  as above
an answer that cannot be read                   Unanswered  as above
==============================================  ==========  ================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.exceptions import (
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

from hunar.ports import Accepted, Refused, SmsAnswer, Stopped, Throttled, Unanswered

MAX_PRICE: Final = "0.01"
"""US dollars for one text with all its parts: above it, no text goes.

By the local route of India a part costs about 0.0028; by the international one, which a text takes whose registration
got lost, a text costs 0.02171 (docs.aws.amazon.com/sns/latest/dg/channels-sms-senderid-india.html, some years old; the
current list is at aws.amazon.com/end-user-messaging/pricing, and SMS_MAX_PRICE sets another limit). AWS bills each
part, calls MaxPrice what one may spend "per each text message"
(docs.aws.amazon.com/pinpoint/latest/apireference_smsvoicev2/API_SendTextMessage.html), and does not say whether a text
of two parts is held against it once or twice. This price is right either way: three parts of the local route stay below
it, one of the international route does not.
"""

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
        "ThrottlingException", "Throttling", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded",
        "ExpiredTokenException", "ExpiredToken", "RequestExpired",
    }
)  # fmt: skip
_STOPPED: Final = frozenset(
    {
        "AccessDeniedException", "AccessDenied", "AuthorizationError", "NotAuthorized", "OptInRequired",
        "ServiceQuotaExceededException", "SubscriptionRequiredException",
        "IncompleteSignature", "InvalidClientTokenId", "InvalidSecurity", "InvalidSignatureException",
        "MissingAuthenticationTokenException", "MissingAuthenticationToken", "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)  # fmt: skip
_CODE: Final = re.compile(r"[A-Za-z0-9_]{1,80}")
_PRICE: Final = re.compile(r"[0-9]{0,2}\.[0-9]{1,5}")


def require_one_attempt(client: Any) -> None:
    """ValueError for a client that tries again."""
    if client.meta.config.retries.get("total_max_attempts") != 1:
        raise ValueError("the SMS client must make exactly one attempt")


def price(text: str) -> str:
    """What AWS takes as MaxPrice. ValueError for anything else: AWS would refuse every text for it."""
    if not _PRICE.fullmatch(text):
        raise ValueError("SMS_MAX_PRICE: is no price in US dollars, as 0.01 is")
    return text


def ask(call: Callable[..., Any], parameters: Mapping[str, Any], stops: frozenset[str] = frozenset()) -> SmsAnswer:
    """Make the call, once. ``stops`` are codes and reasons of the API that no text gets past.

    Raises nothing that the provider or the network does: each has its answer.
    """
    try:
        answer = call(**parameters)
    except ClientError as error:
        return _answer(error.response, stops)
    except ParamValidationError:
        return Refused("ParamValidationError")
    except _NOT_LEFT as error:
        return Throttled(type(error).__name__)
    except Exception as error:
        # Time-outs and broken connections; and an answer that is none of the API's makes botocore's parsers raise
        # whatever they stumble over. Unhandled, the queue would bring the text again.
        return Unanswered(type(error).__name__)
    provider_id = answer.get("MessageId")
    return Accepted(provider_id) if provider_id else Unanswered("NoMessageId")


def _answer(response: Mapping[str, Any], stops: frozenset[str]) -> SmsAnswer:
    code = _coded(response.get("Error", {}).get("Code"))
    detail = _coded(response.get("Reason"))
    reason = ":".join(filter(None, (code, detail))) or "NoCode"
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _LATER or status == 429:
        return Throttled(reason)
    if code in _STOPPED or code in stops or detail in stops:
        return Stopped(reason)
    return Refused(reason) if 400 <= status < 500 and status != 408 else Unanswered(reason)


def _coded(text: object) -> str:
    """Only codes go on: an error's message can repeat the number or the text."""
    return text if isinstance(text, str) and _CODE.fullmatch(text) else ""
