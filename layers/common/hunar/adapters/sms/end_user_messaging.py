"""SMS by AWS End User Messaging (``pinpoint-sms-voice-v2``, SendTextMessage). ``aws.py`` has the table of answers.

Errors and their reasons are those of the API's model in botocore. What events say later is read by ``aws_events.py``.
"""

from __future__ import annotations

from typing import Any, Final

from hunar.adapters.sms.aws import MAX_PRICE, ask, price, require_one_attempt
from hunar.adapters.sms.requests import wrong_field
from hunar.ports import Refused, SmsAnswer, SmsRequest

_LONGEST_TEXT: Final = 1600
_STOPS: Final = frozenset(
    {
        # the sender or the configuration set is unknown: there is one of each for all texts
        "ResourceNotFoundException", "RESOURCE_NOT_ACCESSIBLE", "RESOURCE_NOT_ACTIVE",
        "NO_ORIGINATION_IDENTITIES_FOUND",
        "SENDER_ID_NOT_REGISTERED", "SENDER_ID_NOT_SUPPORTED", "SENDER_ID_REQUIRES_REGISTRATION",
        "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY",
        # all numbers are Indian, so what is said of the country is said of every text
        "CHANNEL_NOT_ENABLED", "COUNTRY_NOT_ENABLED", "DESTINATION_COUNTRY_BLOCKED",
        "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION", "INTERNATIONAL_SENDING_NOT_SUPPORTED",
        # the limit is above what our longest text costs by the local route: texts take the other one, or prices rose
        "PRICE_OVER_THRESHOLD",
    }
)  # fmt: skip
"""A text that meets one of these is right, and goes once the account is mended. Refused, it would be lost."""


class EndUserMessaging:
    """Sends one text with one request.

    ValueError unless ``client`` has ``total_max_attempts=1``. ``max_price`` is what one text may cost in US dollars:
    see MAX_PRICE. Without a configuration set no event
    tells what became of a text.
    """

    def __init__(self, client: Any, *, max_price: str = MAX_PRICE, configuration_set: str = "") -> None:
        require_one_attempt(client)
        self._client = client
        self._always = {"MessageType": "TRANSACTIONAL", "MaxPrice": price(max_price)}
        if configuration_set:
            self._always["ConfigurationSetName"] = configuration_set

    def send(self, request: SmsRequest) -> SmsAnswer:
        wrong = wrong_field(request, too_long=len(request.text) > _LONGEST_TEXT)
        if wrong:
            return Refused(wrong)
        parameters = {
            "DestinationPhoneNumber": request.to,
            "OriginationIdentity": request.sender_id,
            "MessageBody": request.text,
            "TimeToLive": request.time_to_live_seconds,
            "Context": {"notification_id": request.notification_id},
            "DestinationCountryParameters": {
                "IN_ENTITY_ID": request.entity_id,
                "IN_TEMPLATE_ID": request.template_id,
            },
            **self._always,
        }
        return ask(self._client.send_text_message, parameters, _STOPS)
