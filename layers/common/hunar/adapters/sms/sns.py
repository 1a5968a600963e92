"""SMS by Amazon SNS (Publish to a phone number). ``aws.py`` has the table of answers.

For an account that already sends by SNS; End User Messaging does more. SNS takes no time to live, so a text may arrive
when its time is over; it gives nothing back of ours, and no events: what became of a text stands only in CloudWatch
Logs (docs.aws.amazon.com/sns/latest/dg/sms_stats_cloudwatch.html), so no receipt is ever read. Nor does it refuse a
text over the month's spend limit: it takes it and drops it.
DLT ids and sender: docs.aws.amazon.com/sns/latest/dg/sms_publish-to-phone.html.
"""

from __future__ import annotations

from typing import Any, Final

from hunar.adapters.sms.aws import MAX_PRICE, ask, price, require_one_attempt
from hunar.adapters.sms.requests import wrong_field
from hunar.ports import Refused, SmsAnswer, SmsRequest

_LONGEST_BYTES: Final = 1600
"""Of one Publish, in UTF-8; what is longer would go out in several texts."""


class Sns:
    """Sends one text with one request.

    ValueError unless ``client`` has ``total_max_attempts=1``. ``max_price`` is what one text may cost in US dollars:
    see MAX_PRICE.
    """

    def __init__(self, client: Any, *, max_price: str = MAX_PRICE) -> None:
        require_one_attempt(client)
        self._client = client
        self._max_price = price(max_price)

    def send(self, request: SmsRequest) -> SmsAnswer:
        wrong = wrong_field(request, too_long=len(request.text.encode()) > _LONGEST_BYTES)
        if wrong:
            return Refused(wrong)
        attributes = {
            "AWS.SNS.SMS.SMSType": ("String", "Transactional"),
            "AWS.SNS.SMS.SenderID": ("String", request.sender_id),
            "AWS.SNS.SMS.MaxPrice": ("Number", self._max_price),
            "AWS.MM.SMS.EntityId": ("String", request.entity_id),
            "AWS.MM.SMS.TemplateId": ("String", request.template_id),
        }
        parameters = {
            "PhoneNumber": request.to,
            "Message": request.text,
            "MessageAttributes": {
                name: {"DataType": kind, "StringValue": value} for name, (kind, value) in attributes.items()
            },
        }
        return ask(self._client.publish, parameters)
