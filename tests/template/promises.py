"""What template.yaml promises. Each promise looks at the translated template and says how it is broken."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

import yaml

from hunar.settings import Settings
from hunar.tables import INDEXES, Table
from tests.template.deployed import (
    ROOT,
    Template,
    anchors,
    as_text,
    functions,
    holds,
    listed,
    mappings,
    named,
    of_type,
    present,
    statements,
    strings,
)

Promise: TypeAlias = Callable[[Template], list[str]]
PROMISES: Final[dict[str, Promise]] = {}

MESSAGE: Final = 256 * 1024
"""Bytes. With its name and its keys it fits into an item of 400 KB, also as it came."""

FOURTEEN_DAYS: Final = 14 * 24 * 60 * 60
A_DAY: Final = 24 * 60 * 60
LOGS_DAYS: Final = 365

OUTBOX: Final = {"dynamodb": {"NewImage": {"outbox": {"S": [{"exists": True}]}}}}

WEBHOOK: Final = "/webhooks/{marketplace}/{account}"
SMS: Final = "/sms/{provider}/{account}"
CLOCKS: Final = {
    ("SweepFunction", "rate(5 minutes)", "ENABLED"),
    ("CatchUpOrdersFunction", "rate(5 minutes)", "ENABLED"),
    # 01:30 in India.
    ("PublishStockFunction", "cron(0 20 * * ? *)", "ENABLED"),
    # 02:30 in India.
    ("ProveLedgerFunction", "cron(0 21 * * ? *)", "ENABLED"),
    # 08:30 in India.
    ("ClosePeriodFunction", "cron(0 3 * * ? *)", "ENABLED"),
    ("ClosePeriodFunction", "${ClosingSchedule}", "ENABLED"),
}

ROUTES: Final = {
    f"POST {WEBHOOK}": ("NONE", "ReceiveWebhookFunction"),
    f"ANY {WEBHOOK}": ("NONE", "ReceiveWebhookFunction"),
    f"POST {SMS}": ("NONE", "ReceiveWebhookFunction"),
    f"GET {SMS}": ("NONE", "ReceiveWebhookFunction"),
    f"ANY {SMS}": ("NONE", "ReceiveWebhookFunction"),
    "GET /api/orders": ("AWS_IAM", "OperatorApiFunction"),
    "GET /api/orders/{order_ref}": ("AWS_IAM", "OperatorApiFunction"),
    "GET /api/stock": ("AWS_IAM", "OperatorApiFunction"),
    "GET /api/stock/{sku}": ("AWS_IAM", "OperatorApiFunction"),
    "GET /api/notifications": ("AWS_IAM", "OperatorApiFunction"),
    "GET /api/groups": ("AWS_IAM", "OperatorApiFunction"),
    "GET /api/exceptions": ("AWS_IAM", "OperatorApiFunction"),
    "GET /api/deliveries": ("AWS_IAM", "OperatorApiFunction"),
    "GET /api/ledger/entries": ("AWS_IAM", "OperatorApiFunction"),
    "GET /api/groups/{group_id}/statement": ("AWS_IAM", "MakeStatementFunction"),
    "POST /api/stock/{sku}/adjust": ("AWS_IAM", "OperatorApiFunction"),
    "POST /api/listings": ("AWS_IAM", "OperatorApiFunction"),
    "POST /api/exceptions/{id}/resolve": ("AWS_IAM", "OperatorApiFunction"),
    "POST /api/deliveries/{id}/replay": ("AWS_IAM", "OperatorApiFunction"),
    "POST /api/notifications/{id}/heard": ("AWS_IAM", "OperatorApiFunction"),
    "GET /api/settlements": ("AWS_IAM", "OperatorApiFunction"),
    "POST /api/settlements": ("AWS_IAM", "OperatorApiFunction"),
    "GET /api/payouts": ("AWS_IAM", "OperatorApiFunction"),
    "GET /api/payouts/{batch}": ("AWS_IAM", "OperatorApiFunction"),
    "GET /api/payouts/{batch}/file": ("AWS_IAM", "OperatorApiFunction"),
    "POST /api/payouts/close": ("AWS_IAM", "OperatorApiFunction"),
    "POST /api/payouts/{batch}/approve": ("AWS_IAM", "OperatorApiFunction"),
    "POST /api/payouts/{batch}/withdraw": ("AWS_IAM", "OperatorApiFunction"),
    "POST /api/payouts/{batch}/cancel": ("AWS_IAM", "OperatorApiFunction"),
    "POST /api/payouts/{batch}/pull": ("AWS_IAM", "OperatorApiFunction"),
    "POST /api/payouts/{batch}/submit": ("AWS_IAM", "OperatorApiFunction"),
    "POST /api/payouts/{batch}/paid": ("AWS_IAM", "OperatorApiFunction"),
    "GET /api/groups/{group_id}/beneficiary": ("AWS_IAM", "OperatorApiFunction"),
    "POST /api/groups/{group_id}/beneficiary": ("AWS_IAM", "OperatorApiFunction"),
    "POST /api/groups/{group_id}/beneficiary/confirm": ("AWS_IAM", "OperatorApiFunction"),
    "POST /api/groups/{group_id}/beneficiary/close": ("AWS_IAM", "OperatorApiFunction"),
}

ASKING: Final = "POWERTOOLS_SERVICE_NAME STAGE EMULATED API_ACCOUNTS API_SECRET_PREFIX MARKETPLACE_API_URL"
"""What every function is told that calls marketplaces."""

ENVIRONMENT: Final = {
    "ReceiveWebhookFunction": "POWERTOOLS_SERVICE_NAME WEBHOOK_ACCOUNTS SECRET_PREFIX ORDER_EVENTS_QUEUE_URL"
    " SMS_ACCOUNTS SMS_SECRET_PREFIX SMS_RECEIPTS_QUEUE_URL PAYOUT_BATCHES_QUEUE_URL",
    "ApplyOrderEventsFunction": "POWERTOOLS_SERVICE_NAME"
    " REGISTRY_TABLE ORDERS_TABLE STOCK_TABLE DELIVERIES_TABLE EXCEPTIONS_TABLE API_ACCOUNTS"
    " AMAZON_NOTIFICATIONS_QUEUE_URL",
    "RelayEffectsFunction": "POWERTOOLS_SERVICE_NAME"
    " ORDERS_TABLE STOCK_TABLE ORDER_EVENTS_QUEUE_URL NOTIFICATIONS_QUEUE_URL PAYOUTS_QUEUE_URL FETCHES_QUEUE_URL"
    " STOCK_FEED_QUEUE_URL",
    "NotifyGroupFunction": "POWERTOOLS_SERVICE_NAME STAGE DEMO REGISTRY_TABLE ORDERS_TABLE STOCK_TABLE"
    " NOTIFICATIONS_TABLE EXCEPTIONS_TABLE NOTIFICATIONS_QUEUE_URL SMS_PROVIDER SMS_PARTS_A_DAY SMS_SECRET_PREFIX"
    " SMS_CONFIGURATION_SET SMS_ACCOUNTS"
    " AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2",
    "RecordSmsReceiptFunction": "POWERTOOLS_SERVICE_NAME REGISTRY_TABLE NOTIFICATIONS_TABLE DELIVERIES_TABLE"
    " EXCEPTIONS_TABLE",
    "ImportFileFunction": "POWERTOOLS_SERVICE_NAME REGISTRY_TABLE LEDGER_TABLE EXCEPTIONS_TABLE PAYOUTS_QUEUE_URL"
    " INBOX_BUCKET",
    "ComputePayoutFunction": "POWERTOOLS_SERVICE_NAME REGISTRY_TABLE ORDERS_TABLE LEDGER_TABLE EXCEPTIONS_TABLE"
    " PAYOUTS_QUEUE_URL API_ACCOUNTS",
    "ClosePeriodFunction": "POWERTOOLS_SERVICE_NAME REGISTRY_TABLE LEDGER_TABLE BATCHES_TABLE EXCEPTIONS_TABLE"
    " PAYOUT_BATCHES_QUEUE_URL NOTIFICATIONS_QUEUE_URL PAYOUT_LAYOUT PAYOUT_MINIMUM_PAISE PAYABLE_PATIENCE_DAYS",
    "FetchOrderFunction": f"{ASKING} REGISTRY_TABLE ORDERS_TABLE CHANNELS_TABLE EXCEPTIONS_TABLE ORDER_EVENTS_QUEUE_URL"
    " FETCHES_QUEUE_URL",
    "CatchUpOrdersFunction": f"{ASKING} POLL_LAG_SECONDS REGISTRY_TABLE CHANNELS_TABLE EXCEPTIONS_TABLE"
    " ORDER_EVENTS_QUEUE_URL",
    "PublishStockFunction": f"{ASKING} DEMO REGISTRY_TABLE STOCK_TABLE CHANNELS_TABLE EXCEPTIONS_TABLE"
    " STOCK_FEED_QUEUE_URL",
    "ParkDeadLettersFunction": "POWERTOOLS_SERVICE_NAME DELIVERIES_TABLE EXCEPTIONS_TABLE"
    " ORDER_EVENTS_DEAD_LETTER_QUEUE_ARN NOTIFICATIONS_DEAD_LETTER_QUEUE_ARN PAYOUTS_DEAD_LETTER_QUEUE_ARN"
    " FETCHES_DEAD_LETTER_QUEUE_ARN STOCK_FEED_DEAD_LETTER_QUEUE_ARN AMAZON_NOTIFICATIONS_DEAD_LETTER_QUEUE_ARN"
    " SMS_RECEIPTS_DEAD_LETTER_QUEUE_ARN INBOX_DEAD_LETTER_QUEUE_ARN PAYOUT_BATCHES_DEAD_LETTER_QUEUE_ARN",
    "SweepFunction": "POWERTOOLS_SERVICE_NAME STAGE EMULATED REGISTRY_TABLE ORDERS_TABLE STOCK_TABLE"
    " NOTIFICATIONS_TABLE LEDGER_TABLE ORDER_EVENTS_QUEUE_URL NOTIFICATIONS_QUEUE_URL PAYOUTS_QUEUE_URL"
    " FETCHES_QUEUE_URL",
    "ProveLedgerFunction": "POWERTOOLS_SERVICE_NAME REGISTRY_TABLE ORDERS_TABLE LEDGER_TABLE EXCEPTIONS_TABLE"
    " PAYOUTS_QUEUE_URL",
    "OperatorApiFunction": "POWERTOOLS_SERVICE_NAME REGISTRY_TABLE ORDERS_TABLE STOCK_TABLE NOTIFICATIONS_TABLE"
    " EXCEPTIONS_TABLE LEDGER_TABLE DELIVERIES_TABLE ORDER_EVENTS_QUEUE_URL PAYOUTS_QUEUE_URL STAGE EMULATED"
    " INBOX_BUCKET"
    " BATCHES_TABLE BENEFICIARIES_TABLE PAYOUT_BATCHES_QUEUE_URL NOTIFICATIONS_QUEUE_URL PAYOUT_FILES_BUCKET"
    " PAYOUT_LAYOUT PAYOUT_BANK PAYEE_COOLING_DAYS",
    "MakeStatementFunction": "POWERTOOLS_SERVICE_NAME REGISTRY_TABLE LEDGER_TABLE BATCHES_TABLE",
}
"""Function and what it is told. Who is told more can come to use it."""

OUTPUTS: Final = (
    "ApiUrl", "SecretPrefix", "WebhookAccounts", "Demo", "RegistryTableName", "OrdersTableName", "StockTableName",
    "DeliveriesTableName", "NotificationsTableName", "ExceptionsTableName", "LedgerTableName", "OrderEventsQueueUrl",
    "NotificationsQueueUrl", "PayoutsQueueUrl", "OrderEventsDeadLetterQueueUrl", "NotificationsDeadLetterQueueUrl",
    "PayoutsDeadLetterQueueUrl", "ReceiveWebhookFunctionName", "ApplyOrderEventsFunctionName",
    "RelayEffectsFunctionName", "NotifyGroupFunctionName", "ComputePayoutFunctionName", "ParkDeadLettersFunctionName",
    "SweepFunctionName", "OperatorApiFunctionName", "FailedRelaysBucketName", "ApiSecretPrefix", "ApiAccounts",
    "ChannelsTableName", "FetchesQueueUrl", "FetchesDeadLetterQueueUrl", "StockFeedQueueUrl",
    "StockFeedDeadLetterQueueUrl", "AmazonNotificationsQueueUrl", "AmazonNotificationsDeadLetterQueueUrl",
    "AmazonNotificationsQueueArn", "FetchOrderFunctionName", "CatchUpOrdersFunctionName", "PublishStockFunctionName",
    "SmsReceiptsQueueUrl", "SmsReceiptsDeadLetterQueueUrl", "SmsEventsTopicArn", "RecordSmsReceiptFunctionName",
    "SmsSecretPrefix", "SmsAccounts", "InboxQueueUrl", "InboxDeadLetterQueueUrl", "InboxBucketName",
    "ImportFileFunctionName", "ProveLedgerFunctionName", "PayoutBatchesQueueUrl", "PayoutBatchesDeadLetterQueueUrl",
    "BatchesTableName", "BeneficiariesTableName", "PayoutFilesBucketName", "ClosePeriodFunctionName",
    "MakeStatementFunctionName",
)  # fmt: skip
"""By these the local stack, the checks and the command line find their way. More may be there."""

METRICS: Final = {
    "WebhookUnsigned": "ReceiveWebhookFunction",
    "WebhookForged": "ReceiveWebhookFunction",
    "WebhookStale": "ReceiveWebhookFunction",
    "WebhookOversize": "ReceiveWebhookFunction",
    "WebhookNotStored": "ReceiveWebhookFunction",
    "SmsRejected": "NotifyGroupFunction",
    "DeadLettersParked": "ParkDeadLettersFunction",
    "DeadLettersNotParked": "ParkDeadLettersFunction",
    "SweepRan": "SweepFunction",
    "CatchUpRan": "CatchUpOrdersFunction",
    "LedgerFaults": "ProveLedgerFunction",
    "LedgerProved": "ProveLedgerFunction",
}
"""Hunar's own metrics that somebody must hear of, and the function that writes them."""

WIDE: Final = {
    # One secret per account; accounts come and go without a deployment.
    "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:hunar/${Stage}/webhooks/*",
    "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:hunar/${Stage}/api/*",
    "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:hunar/${Stage}/sms/*",
    # A stream's name is the moment it was made.
    "OrdersTable/stream/*",
    "StockTable/stream/*",
    # Objects of a bucket that has no other use; Lambda names them.
    "FailedRelaysBucket/*",
    # Files of the agency, which names them.
    "InboxBucket/settlements/*",
    # Objects of a bucket that has no other use, by batch and hash.
    "PayoutFilesBucket/batches/*",
    # The sender's name is data of the agency.
    "arn:${AWS::Partition}:sms-voice:${AWS::Region}:${AWS::AccountId}:sender-id/*/IN if AnySmsIdentity"
    " else ${SmsIdentityArn}",
    # The account of the provider that the parameter names.
    "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:hunar/${Stage}/sms/${SmsProvider}/*",
}
"""Resources that a policy may name with a wildcard, and why."""

LOGGED: Final = {
    "requestTime", "requestId", "identity.sourceIp", "routeKey", "status", "responseLength", "responseLatency",
    "error.message", "integrationErrorMessage",
}  # fmt: skip
"""What the access log may say of a call."""

AMAZON: Final = "437568002678"
"""The account of Amazon's notification service, the same for every seller. No secret."""

HEARTBEATS: Final = {"SweepRan", "CatchUpRan"}
"""Metrics whose silence is the failure, and that are counted every five minutes."""

NIGHTLY: Final = "LedgerProved"
"""A metric whose silence is the failure, and that is counted every night."""
PROOF: Final = "LedgerFaults"
"""A metric that a proof counts each night, 0 when the books are as they must be."""

NOT_EMULATED: Final = (
    "AWS::SMSVOICE::", "AWS::Budgets::", "AWS::CodeDeploy::", "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::AnomalyDetector", "AWS::CloudWatch::InsightRule", "AWS::Logs::QueryDefinition",
    "AWS::Logs::LogAnomalyDetector", "AWS::SecretsManager::RotationSchedule", "AWS::SecretsManager::ResourcePolicy",
    "AWS::SQS::QueueInlinePolicy", "AWS::SNS::TopicInlinePolicy", "AWS::ApplicationSignals::", "AWS::Synthetics::",
    "AWS::XRay::", "AWS::ApplicationAutoScaling::",
)  # fmt: skip
"""Types that the emulator refuses, and with them the whole stack."""

FIXED_NAMES: Final = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Lambda::LayerVersion": "LayerName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::CloudWatch::Alarm": "AlarmName",
}
OWN_LAYER_NAME: Final = "CommonLayer"
"""SAM names a layer after its logical id. Two stacks then make versions of one layer, which disturbs neither."""

SECRETS: Final = {
    "an access key": r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
    "a private key": r"-----BEGIN",
    "a key or hash": r"(?<![\w+/-])(?=[A-Za-z+/-]*[0-9])(?=[0-9+/-]*[A-Za-z])[A-Za-z0-9+/-]{32,}",
    "a phone number": r"\+?91[6-9][0-9]{9}\b",
    "an account number": r"\b[0-9]{12}\b",
    "an address of a person": r"[\w.+-]+@[\w-]+\.[\w.]+",
}


def promise(check: Callable[[Template], Iterator[str]]) -> Promise:
    def broken(template: Template) -> list[str]:
        return list(check(template))

    PROMISES[check.__name__] = broken
    return broken


def _main_queues(template: Template) -> dict[str, dict[str, Any]]:
    return {name: queue for name, queue in of_type(template, "AWS::SQS::Queue").items() if "RedrivePolicy" in queue}


def _dead_letter_queues(template: Template) -> dict[str, dict[str, Any]]:
    main = _main_queues(template)
    return {name: queue for name, queue in of_type(template, "AWS::SQS::Queue").items() if name not in main}


# --- queues


@promise
def a_message_stays_invisible_for_six_timeouts_of_its_function(template: Template) -> Iterator[str]:
    queues = of_type(template, "AWS::SQS::Queue")
    for name, mapping in mappings(template, "sqs").items():
        function = functions(template)[named(mapping["FunctionName"])]
        least = 6 * function["Timeout"] + mapping.get("MaximumBatchingWindowInSeconds", 0)
        seconds = queues[named(mapping["EventSourceArn"])].get("VisibilityTimeout", 30)
        if seconds < least:
            yield f"{name}: visible again after {seconds} s, six timeouts are {least} s"


@promise
def what_fails_five_times_is_kept_for_fourteen_days(template: Template) -> Iterator[str]:
    main, dead = _main_queues(template), _dead_letter_queues(template)
    used = Counter(named(queue["RedrivePolicy"]["deadLetterTargetArn"]) for queue in main.values())
    consumed = {named(mapping["EventSourceArn"]) for mapping in mappings(template, "sqs").values()}
    for name in sorted(consumed - set(main) - set(dead)):
        yield f"{name} has a consumer and no dead letter queue"
    for name, queue in main.items():
        if (receives := queue["RedrivePolicy"].get("maxReceiveCount")) != 5:
            yield f"{name} gives up after {receives} receives"
        if named(queue["RedrivePolicy"]["deadLetterTargetArn"]) not in dead:
            yield f"{name} has no dead letter queue of this stack"
        if queue.get("RedriveAllowPolicy") != {"redrivePermission": "denyAll"}:
            yield f"{name} may be used as somebody's dead letter queue"
    for name, queue in {**main, **dead}.items():
        if queue.get("MessageRetentionPeriod", 0) != FOURTEEN_DAYS:
            yield f"{name} does not keep messages for 14 days"
        if queue.get("SqsManagedSseEnabled") is not True:
            yield f"{name} is not encrypted"
        if "FifoQueue" in queue:
            yield f"{name} is not a standard queue"
    for name in dead:
        if used[name] != 1:
            yield f"{name} is the dead letter queue of {used[name]} queues"


PAYOUT_FILES: Final = "PayoutFilesBucket"
"""The bucket of files for banks. What the streams gave up is in another."""


@promise
def what_nobody_could_take_is_put_away(template: Template) -> Iterator[str]:
    takers: dict[str, list[str]] = {}
    for mapping in mappings(template, "sqs").values():
        takers.setdefault(named(mapping["EventSourceArn"]), []).append(named(mapping["FunctionName"]))
    for name in _dead_letter_queues(template):
        if takers.get(name) != ["ParkDeadLettersFunction"]:
            yield f"{name} is emptied by {takers.get(name)}"
    for name, queue in _main_queues(template).items():
        if queue.get("MaximumMessageSize") != MESSAGE:
            yield f"{name} takes messages that are too large to put away"
    for name, bucket in of_type(template, "AWS::S3::Bucket").items():
        if name in (INBOX, PAYOUT_FILES):
            continue
        told = bucket.get("NotificationConfiguration", {}).get("LambdaConfigurations", [])
        if [named(one["Function"]) for one in told] != ["ParkDeadLettersFunction"]:
            yield f"{name} tells nobody of what was given up"
        for one in told:
            rules = one.get("Filter", {}).get("S3Key", {}).get("Rules", [])
            if one["Event"] != "s3:ObjectCreated:*" or rules != [{"Name": "prefix", "Value": "aws/lambda/"}]:
                yield f"{name} tells of other objects than those of Lambda"
        if template["Resources"][name].get("DependsOn") != "ParkDeadLettersPermission":
            yield f"{name} may be made before it may call the function"


@promise
def one_bad_message_does_not_bring_its_batch_again(template: Template) -> Iterator[str]:
    for name, mapping in mappings(template, "sqs").items():
        if mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name} takes no partial batch responses"
        if not 1 <= mapping.get("BatchSize", 10) <= 10:
            yield f"{name} takes more than ten messages at a time"
        if not 2 <= mapping.get("ScalingConfig", {}).get("MaximumConcurrency", 0) <= 4:
            yield f"{name} has no limit of concurrency"


INBOX: Final = "InboxBucket"
"""The bucket of files that somebody hands in. What the streams gave up is in another."""
TAKES_FILES: Final = "ImportFileFunction"


@promise
def every_file_that_is_handed_in_is_told_and_none_is_hidden_by_another(template: Template) -> Iterator[str]:
    resource = template["Resources"].get(INBOX, {"Properties": {}})
    bucket = resource["Properties"]
    told = [
        (one.get("Event"), named(one.get("Queue")), one.get("Filter"))
        for one in bucket.get("NotificationConfiguration", {}).get("QueueConfigurations", [])
    ]
    if told != [("s3:ObjectCreated:*", "InboxQueue", None)]:
        yield f"{INBOX} tells {told}"
    if resource.get("DependsOn") != "InboxQueuePolicy":
        yield f"{INBOX} may be made before it may send"
    if bucket.get("VersioningConfiguration") != {"Status": "Enabled"}:
        yield f"a file hides another one of the same name in {INBOX}"
    takers = [
        (named(mapping["FunctionName"]), mapping.get("BatchSize"))
        for mapping in mappings(template, "sqs").values()
        if named(mapping["EventSourceArn"]) == "InboxQueue"
    ]
    if takers != [(TAKES_FILES, 1)]:
        yield f"files are taken by {takers}"


SETTLEMENT_PARTITIONS: Final = {"SETTLEMENT", "ITEM#*", "WHOLE#*", "ACCOUNT#*"}


@promise
def who_takes_files_writes_no_book(template: Template) -> Iterator[str]:
    role = of_type(template, "AWS::IAM::Role").get(f"{TAKES_FILES.removesuffix('Function')}Role", {})
    for statement in statements(role):
        if any(named(one) == "LedgerTable" for one in listed(statement["Resource"])):
            found = statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys")
            if set(found or ()) != SETTLEMENT_PARTITIONS:
                yield f"{TAKES_FILES} reaches {found or 'all'} of the ledger"


DOORS: Final[dict[str, dict[str, Any]]] = {
    "AmazonNotificationsQueue": {
        "Principal": {"AWS": {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::{AMAZON}:root"}},
        "Action": ["sqs:GetQueueAttributes", "sqs:SendMessage"],
        "Condition": {"StringEquals": {"aws:PrincipalAccount": AMAZON}},
    },
    "SmsReceiptsQueue": {
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Condition": {"ArnEquals": {"aws:SourceArn": {"Ref": "SmsEventsTopic"}}},
    },
    "InboxQueue": {
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
            "ArnLike": {"aws:SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:s3:::*-inboxbucket-*"}},
        },
    },
}
"""Queues that somebody besides our functions may use, and who."""


@promise
def only_amazon_the_topic_and_the_inbox_may_send_from_outside_and_nobody_in_the_open(
    template: Template,
) -> Iterator[str]:
    policies = of_type(template, "AWS::SQS::QueuePolicy")
    opened = sorted([named(queue) for queue in policy["Queues"]] for policy in policies.values())
    if opened != sorted([name] for name in DOORS):
        yield f"queues that others may use: {sorted(policies)}"
    for name, policy in policies.items():
        found = {statement["Effect"]: statement for statement in policy["PolicyDocument"]["Statement"]}
        if len(policy["PolicyDocument"]["Statement"]) != 2 or found.keys() != {"Allow", "Deny"}:
            yield f"{name} says what is not meant"
            continue
        allow, deny = found["Allow"], found["Deny"]
        for what, wanted in DOORS.get(named(policy["Queues"][0]), {}).items():
            if allow.get(what) != wanted:
                yield f"{name}: {what} {allow.get(what)}"
        if (deny["Principal"], deny["Action"]) != ("*", "sqs:*"):
            yield f"{name} refuses only {deny['Principal']} {deny['Action']}"
        if deny.get("Condition") != {"Bool": {"aws:SecureTransport": "false"}}:
            yield f"{name} lets messages in without TLS"
        if {named(statement["Resource"]) for statement in (allow, deny)} != {named(policy["Queues"][0])}:
            yield f"{name} is about another queue"


# --- texts


@promise
def what_becomes_of_a_text_reaches_the_queue_as_it_is(template: Template) -> Iterator[str]:
    topic, queue = "SmsEventsTopic", "SmsReceiptsQueue"
    sets = of_type(template, "AWS::SMSVOICE::ConfigurationSet")
    told = [
        (one.get("Enabled"), one.get("MatchingEventTypes"), named(one.get("SnsDestination", {}).get("TopicArn")))
        for properties in sets.values()
        for one in properties.get("EventDestinations", [])
    ]
    if told != [(True, ["TEXT_ALL"], topic)]:
        yield f"events of texts go to {told}"
    subscribed = [
        (named(one["TopicArn"]), named(one["Endpoint"]), one.get("RawMessageDelivery"))
        for one in of_type(template, "AWS::SNS::Subscription").values()
        if one["Protocol"] == "sqs"
    ]
    if subscribed != [(topic, queue, True)]:
        yield f"subscribed: {subscribed}"
    if template["Resources"]["SmsEventsSubscription"].get("DependsOn") != "SmsReceiptsQueuePolicy":
        yield "the topic may send before the queue lets it in"
    for name in sets:
        if template["Resources"][name].get("DependsOn") != "SmsEventsTopicPolicy":
            yield f"{name} may be made before it may publish"
    policies = of_type(template, "AWS::SNS::TopicPolicy")
    if [[named(one) for one in policy["Topics"]] for policy in policies.values()] != [[topic]]:
        yield f"topics that others may use: {sorted(policies)}"
    for policy in policies.values():
        allow, deny = policy["PolicyDocument"]["Statement"]
        arn = "arn:${AWS::Partition}:sms-voice:${AWS::Region}:${AWS::AccountId}:configuration-set/*"
        only = {
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
            "ArnLike": {"aws:SourceArn": {"Fn::Sub": arn}},
        }
        if (allow["Principal"], allow["Action"]) != ({"Service": "sms-voice.amazonaws.com"}, "sns:Publish"):
            yield f"{allow['Principal']} may {allow['Action']}"
        if allow.get("Condition") != only:
            yield "events of another account may be published"
        if (deny["Effect"], deny.get("Condition")) != ("Deny", {"Bool": {"aws:SecureTransport": "false"}}):
            yield "events may be published without TLS"


@promise
def texts_go_to_india_and_nowhere_else(template: Template) -> Iterator[str]:
    protections = of_type(template, "AWS::SMSVOICE::ProtectConfiguration")
    for name, properties in of_type(template, "AWS::SMSVOICE::ConfigurationSet").items():
        if named(properties.get("ProtectConfigurationId")) not in protections:
            yield f"{name} sends anywhere"
    for name, properties in protections.items():
        rules = {rule["CountryCode"]: rule["ProtectStatus"] for rule in properties["CountryRuleSet"]["SMS"]}
        if [country for country, status in rules.items() if status != "BLOCK"] != ["IN"] or rules["IN"] != "ALLOW":
            yield f"{name} allows other countries than India"
        # The neighbours, the dear ones, and the one that YAML takes for a no.
        if not {"AE", "BD", "GB", "LK", "NO", "NP", "PK", "US"} <= rules.keys() or len(rules) < 200:
            yield f"{name} forgets countries, and what it does not name is allowed"
        if properties.get("DeletionProtectionEnabled") != {"Fn::If": ["IsProd", True, False]}:
            yield f"{name} can be deleted in prod"


# --- streams


@promise
def effects_are_relayed_until_they_are_kept_in_the_bucket(template: Template) -> Iterator[str]:
    streams = {
        name: table["StreamSpecification"]
        for name, table in of_type(template, "AWS::DynamoDB::Table").items()
        if "StreamSpecification" in table
    }
    if set(streams) != {"OrdersTable", "StockTable"}:
        yield f"tables with a stream: {sorted(streams)}"
    for name, stream in streams.items():
        if stream != {"StreamViewType": "NEW_IMAGE"}:
            yield f"{name} streams {stream}"
    found = mappings(template, "dynamodb")
    if Counter(named(mapping["EventSourceArn"]) for mapping in found.values()) != Counter(streams.keys()):
        yield "not every stream has exactly one mapping"
    buckets = of_type(template, "AWS::S3::Bucket")
    for name, mapping in found.items():
        if named(mapping["FunctionName"]) != "RelayEffectsFunction":
            yield f"{name} is not relayed by relay_effects"
        filters = mapping.get("FilterCriteria", {}).get("Filters", [])
        if [json.loads(entry["Pattern"]) for entry in filters] != [OUTBOX]:
            yield f"{name} does not filter by the outbox marker"
        if mapping.get("BisectBatchOnFunctionError") is not True:
            yield f"{name} does not halve a batch that fails"
        if not 1 <= mapping.get("MaximumRetryAttempts", -1) <= 1000:
            yield f"{name} tries without end, or not again"
        if not 60 * 60 <= mapping.get("MaximumRecordAgeInSeconds", -1) < A_DAY:
            yield f"{name} gives up before an hour, or after the stream has forgotten"
        if named(mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")) not in buckets:
            yield f"{name} keeps nowhere what it gave up"
        if mapping.get("StartingPosition") != "TRIM_HORIZON":
            yield f"{name} skips what was written before it"
        if not 1 <= mapping.get("BatchSize", 100) <= 100:
            yield f"{name} takes large batches"
        if "FunctionResponseTypes" in mapping:
            yield f"{name} takes partial failures, but the relay only raises"
        if mapping.get("MetricsConfig") != {"Metrics": ["EventCount"]}:
            yield f"{name} does not count what it gave up"


@promise
def what_was_given_up_is_kept_in_private(template: Template) -> Iterator[str]:
    for name, bucket in of_type(template, "AWS::S3::Bucket").items():
        resource = template["Resources"][name]
        block = bucket.get("PublicAccessBlockConfiguration", {})
        wanted = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
        if any(block.get(setting) is not True for setting in wanted):
            yield f"{name} can be made public"
        if "BucketEncryption" not in bucket:
            yield f"{name} is not encrypted"
        rules = bucket.get("LifecycleConfiguration", {}).get("Rules", [])
        if not any(rule.get("Status") == "Enabled" and rule.get("ExpirationInDays", 0) >= 30 for rule in rules):
            yield f"{name} keeps for ever, or too short"
        if {resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")} != {"Retain"}:
            yield f"{name} goes with its stack"
    locked = [
        named(policy["Bucket"])
        for policy in of_type(template, "AWS::S3::BucketPolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny" and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    ]
    for name in sorted(of_type(template, "AWS::S3::Bucket").keys() - set(locked)):
        yield f"{name} can be reached without TLS"


# --- tables


@promise
def tables_outlive_the_stack_and_its_mistakes(template: Template) -> Iterator[str]:
    tables = of_type(template, "AWS::DynamoDB::Table")
    if set(tables) != {f"{table.value.capitalize()}Table" for table in Table}:
        yield f"tables.py knows other tables than {sorted(tables)}"
    for name, table in tables.items():
        resource = template["Resources"][name]
        if {resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")} != {"Retain"}:
            yield f"{name} goes with its stack"
        if table.get("PointInTimeRecoverySpecification") != {"PointInTimeRecoveryEnabled": True}:
            yield f"{name} cannot be restored to a point in time"
        if table.get("DeletionProtectionEnabled") != {"Fn::If": ["IsProd", True, False]}:
            yield f"{name} is not protected in prod"
        if table.get("BillingMode") != "PAY_PER_REQUEST":
            yield f"{name} has a fixed capacity"
        if table["KeySchema"] != _keys("pk", "sk"):
            yield f"{name} has other keys than pk and sk"
        if any(attribute["AttributeType"] != "S" for attribute in table["AttributeDefinitions"]):
            yield f"{name} has a key that is not text"
    stages = template["Parameters"]["Stage"]["AllowedValues"]
    if [stage for stage in stages if holds(template, "IsProd", {"Stage": stage})] != ["prod"]:
        yield "IsProd does not mean prod"


@promise
def indexes_hold_keys_only(template: Template) -> Iterator[str]:
    for table in Table:
        name = f"{table.value.capitalize()}Table"
        found = of_type(template, "AWS::DynamoDB::Table").get(name, {}).get("GlobalSecondaryIndexes", [])
        if sorted(index["IndexName"] for index in found) != sorted(INDEXES.get(table, ())):
            yield f"{name} has other indexes than tables.py says"
        for index in found:
            key = index["IndexName"]
            if index["Projection"] != {"ProjectionType": "KEYS_ONLY"}:
                yield f"{name}/{key} holds more than keys"
            if index["KeySchema"] != _keys(f"{key}_pk", f"{key}_sk"):
                yield f"{name}/{key} has other keys than its name says"


@promise
def deliveries_expire_and_have_a_key_of_their_own(template: Template) -> Iterator[str]:
    deliveries = of_type(template, "AWS::DynamoDB::Table").get("DeliveriesTable", {})
    if deliveries.get("TimeToLiveSpecification") != {"AttributeName": "expires_at", "Enabled": True}:
        yield "deliveries never expire"
    if deliveries.get("SSESpecification") != {"SSEEnabled": True, "SSEType": "KMS"}:
        yield "deliveries have no key whose use is recorded"
    for name, table in of_type(template, "AWS::DynamoDB::Table").items():
        if name != "DeliveriesTable" and "TimeToLiveSpecification" in table:
            yield f"{name} forgets"


def _keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


# --- API


@promise
def routes_are_those_of_the_contract_and_operators_sign(template: Template) -> Iterator[str]:
    integrations = of_type(template, "AWS::ApiGatewayV2::Integration")
    found = {}
    for name, route in of_type(template, "AWS::ApiGatewayV2::Route").items():
        target = re.fullmatch(r"integrations/\$\{(\w+)\}", as_text(route["Target"]))
        integration = integrations.get(target[1], {}) if target else {}
        found[route["RouteKey"]] = (route.get("AuthorizationType"), named(integration.get("IntegrationUri")))
        if integration.get("PayloadFormatVersion") != "2.0":
            yield f"{name} hands on another format than 2.0"
    for key in sorted(found.keys() | ROUTES.keys()):
        if found.get(key) != ROUTES.get(key):
            yield f"{key}: {found.get(key)} and not {ROUTES.get(key)}"
    if of_type(template, "AWS::ApiGatewayV2::Api", "AWS::ApiGateway::RestApi").keys() != {"Api"}:
        yield "there is not exactly one API"


@promise
def functions_are_called_by_the_api_by_their_routes_by_the_accounts_own_buckets_and_by_the_clock(
    template: Template,
) -> Iterator[str]:
    arn = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}"
    wanted = {
        ("ReceiveWebhookFunction", "apigateway.amazonaws.com", f"{arn}/*/*/webhooks/*/*"),
        ("ReceiveWebhookFunction", "apigateway.amazonaws.com", f"{arn}/*/*/sms/*/*"),
        ("OperatorApiFunction", "apigateway.amazonaws.com", f"{arn}/*/GET/api/*"),
        ("OperatorApiFunction", "apigateway.amazonaws.com", f"{arn}/*/POST/api/*"),
        ("MakeStatementFunction", "apigateway.amazonaws.com", f"{arn}/*/GET/api/groups/*/statement"),
        # An ARN would name the bucket, which is made later.
        ("ParkDeadLettersFunction", "s3.amazonaws.com", "AWS::AccountId"),
        ("SweepFunction", "events.amazonaws.com", "SweepFunctionClock"),
        ("CatchUpOrdersFunction", "events.amazonaws.com", "CatchUpOrdersFunctionClock"),
        ("PublishStockFunction", "events.amazonaws.com", "PublishStockFunctionNightly"),
        ("ProveLedgerFunction", "events.amazonaws.com", "ProveLedgerFunctionNightly"),
        ("ClosePeriodFunction", "events.amazonaws.com", "ClosePeriodFunctionWeek"),
        ("ClosePeriodFunction", "events.amazonaws.com", "ClosePeriodFunctionDay"),
    }
    found = set()
    for name, permission in of_type(template, "AWS::Lambda::Permission").items():
        source = permission.get("SourceArn") or permission.get("SourceAccount")
        told = named(source) or as_text(source) if source else "anywhere"
        found.add((named(permission["FunctionName"]), permission["Principal"], told))
        if permission["Action"] != "lambda:InvokeFunction":
            yield f"{name} lets {permission['Principal']} {permission['Action']}"
    if found != wanted:
        yield f"called from {sorted(found)}"


@promise
def the_clocks_run(template: Template) -> Iterator[str]:
    found = {
        (named(target["Arn"]), as_text(rule.get("ScheduleExpression")), rule.get("State", "ENABLED"))
        for rule in of_type(template, "AWS::Events::Rule").values()
        for target in rule["Targets"]
    }
    if found != CLOCKS:
        yield f"the clocks are {sorted(found)}"


@promise
def no_caller_uses_up_everybody_elses_share(template: Template) -> Iterator[str]:
    for name, stage in of_type(template, "AWS::ApiGatewayV2::Stage").items():
        limits = [("default", stage.get("DefaultRouteSettings", {}), 20)]
        wide = {f"POST {WEBHOOK}": 50, f"ANY {WEBHOOK}": 5, f"POST {SMS}": 50, f"GET {SMS}": 20, f"ANY {SMS}": 5}
        limits += [(route, stage.get("RouteSettings", {}).get(route, {}), most) for route, most in wide.items()]
        for what, settings, most in limits:
            if not 0 < settings.get("ThrottlingRateLimit", 0) <= most:
                yield f"{name}: no rate limit up to {most} per second for {what}"
            if not 0 < settings.get("ThrottlingBurstLimit", 0) <= 2.5 * most:
                yield f"{name}: no burst limit for {what}"
        if stage.get("StageName") != "$default" or stage.get("AutoDeploy") is not True:
            yield f"{name} does not deploy itself as $default"
        group = named(stage.get("AccessLogSettings", {}).get("DestinationArn"))
        if group not in of_type(template, "AWS::Logs::LogGroup"):
            yield f"{name} does not say who called"
        # A path is a stranger's text, and a query may hold the token of a provider of texts.
        asked = set(re.findall(r"\$context\.([\w.]+)", stage.get("AccessLogSettings", {}).get("Format", "")))
        if not asked or asked - LOGGED:
            yield f"{name} logs {sorted(asked - LOGGED)}"


# --- functions


@promise
def every_folder_of_functions_is_a_function_and_vice_versa(template: Template) -> Iterator[str]:
    folders = {path.parent.name for path in ROOT.glob("functions/*/handler.py")}
    expected = {f"{folder.title().replace('_', '')}Function": f"functions/{folder}" for folder in folders}
    found = {name: function["Code"]["S3Key"] for name, function in functions(template).items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            yield f"{name}: folder {expected.get(name)}, code {found.get(name)}"


@promise
def functions_run_as_the_parameters_say(template: Template) -> Iterator[str]:
    layers = of_type(template, "AWS::Lambda::LayerVersion")
    for name, function in functions(template).items():
        if named(function.get("Runtime")) != "Runtime":
            yield f"{name} has a runtime of its own"
        if [named(one) for one in function.get("Architectures", [])] != ["Architecture"]:
            yield f"{name} has a processor of its own"
        if function["Handler"] != "handler.handle":
            yield f"{name} starts at {function['Handler']}"
        if [named(one) for one in function.get("Layers", [])] != list(layers):
            yield f"{name} does not have exactly the common layer"
        # A file is read whole, and may be large; 1,769 MB come with a whole processor, which a long PDF wants.
        # The proof reads everything, once a night, and nobody waits for it.
        most_time = {TAKES_FILES: 300, "ProveLedgerFunction": 900}.get(name, 60)
        most_memory = 1769 if name in (TAKES_FILES, "OperatorApiFunction", "MakeStatementFunction") else 512
        if not 256 <= function.get("MemorySize", 128) <= most_memory:
            yield f"{name} has {function.get('MemorySize')} MB"
        if not 1 <= function.get("Timeout", 3) <= most_time:
            yield f"{name} may run for {function.get('Timeout')} s"


@promise
def logs_are_kept_for_a_year_each_function_its_own(template: Template) -> Iterator[str]:
    groups = of_type(template, "AWS::Logs::LogGroup")
    used: Counter[str] = Counter()
    for name, function in functions(template).items():
        group = named(function.get("LoggingConfig", {}).get("LogGroup"))
        used[group] += 1
        if group not in groups or used[group] > 1:
            yield f"{name} has no log group of its own"
    for name, properties in groups.items():
        resource = template["Resources"][name]
        if properties.get("RetentionInDays") != LOGS_DAYS:
            yield f"{name} is kept for {properties.get('RetentionInDays', 'ever')} days"
        if {resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")} != {"Retain"}:
            yield f"{name} goes with its stack"


@promise
def a_function_is_told_what_it_uses_and_nothing_else(template: Template) -> Iterator[str]:
    found = functions(template)
    for name in sorted(found.keys() | ENVIRONMENT.keys()):
        told = set(found.get(name, {}).get("Environment", {}).get("Variables", {}))
        if told != set(ENVIRONMENT.get(name, "").split()):
            yield f"{name} is told {sorted(told)}"
    for name, function in found.items():
        allowed = " ".join(_permissions(template, function))
        for variable, value in function.get("Environment", {}).get("Variables", {}).items():
            if variable.endswith(("_TABLE", "_QUEUE_URL", "_QUEUE_ARN")) and named(value) not in allowed:
                yield f"{name} is told {variable} but may do nothing with it"
        for table in of_type(template, "AWS::DynamoDB::Table"):
            if f" {table}" in allowed and f"{table.removesuffix('Table').upper()}_TABLE" not in _variables(function):
                yield f"{name} may use {table} but does not know its name"


@promise
def names_reach_the_setting_that_reads_them(template: Template) -> Iterator[str]:
    for name, function in functions(template).items():
        variables = function.get("Environment", {}).get("Variables", {})
        told_names = {key: named(value) or as_text(value) for key, value in variables.items()}
        no_names = dict.fromkeys(
            (
                *("WEBHOOK_ACCOUNTS", "API_ACCOUNTS", "SMS_ACCOUNTS", "POLL_LAG_SECONDS", "SMS_PARTS_A_DAY"),
                *("PAYOUT_MINIMUM_PAISE", "PAYABLE_PATIENCE_DAYS", "PAYEE_COOLING_DAYS", "PAYOUT_BANK"),
            ),
            "",
        )
        settings = Settings.from_environment(told_names | no_names)
        for table, told in settings.tables.items():
            if told != f"{table.value.capitalize()}Table":
                yield f"{name} takes {told} for {table}"
        for queue, told in settings.queues.items():
            if told != f"{queue.value.title().replace('-', '')}Queue":
                yield f"{name} takes {told} for {queue}"
        for queue, told in settings.dead_letters.items():
            if told != f"{queue.value.title().replace('-', '')}DeadLetterQueue":
                yield f"{name} takes {told} for the dead letters of {queue}"
        if settings.secret_prefix and settings.secret_prefix != as_text(template["Outputs"]["SecretPrefix"]["Value"]):
            yield f"{name} looks for secrets elsewhere than the output says"
        prefix = settings.api_secret_prefix
        if prefix and prefix != as_text(template["Outputs"]["ApiSecretPrefix"]["Value"]):
            yield f"{name} looks for credentials elsewhere than the output says"
        prefix = settings.sms_secret_prefix
        if prefix and prefix != as_text(template["Outputs"]["SmsSecretPrefix"]["Value"]):
            yield f"{name} looks for the tokens of providers elsewhere than the output says"


def _variables(function: dict[str, Any]) -> set[str]:
    return set(function.get("Environment", {}).get("Variables", {}))


# --- permissions


def _permissions(template: Template, function: dict[str, Any]) -> list[str]:
    """Sorted ``action resource`` pairs of a function's role."""
    role = of_type(template, "AWS::IAM::Role").get(named(function.get("Role")), {})
    return sorted(
        f"{action} {as_text(resource)}"
        for statement in statements(role)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    )


def permissions(template: Template) -> dict[str, list[str]]:
    return {name: _permissions(template, function) for name, function in functions(template).items()}


@promise
def each_function_may_do_what_the_golden_list_says(template: Template) -> Iterator[str]:
    golden = yaml.safe_load((ROOT / "tests/template/iam_golden.yaml").read_text())
    found = permissions(template)
    for name in sorted(golden.keys() | found.keys()):
        more = set(found.get(name, ())) - set(golden.get(name, ()))
        less = set(golden.get(name, ())) - set(found.get(name, ()))
        if more or less:
            yield f"{name}: more {sorted(more)}, less {sorted(less)}"


@promise
def a_statement_is_made_of_groups_and_their_books_and_of_nothing_else(template: Template) -> Iterator[str]:
    role = of_type(template, "AWS::IAM::Role").get("MakeStatementRole", {})
    for statement in statements(role):
        for resource in map(as_text, listed(statement["Resource"])):
            for action in listed(statement["Action"]):
                wanted = PARTITIONS.get((action, resource))
                if resource.endswith("Table") and statement.get("Condition") != wanted:
                    yield f"statements {action} {statement.get('Condition')} of {resource}"


PARTITIONS: Final = {
    ("dynamodb:BatchGetItem", "RegistryTable"): {
        "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["GROUP", "MEMBERS", "AGENCY"]}
    },
    ("dynamodb:BatchGetItem", "LedgerTable"): {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["GROUP#*", "STATEMENT#*"]}
    },
    ("dynamodb:PutItem", "LedgerTable"): {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "STATEMENT#*"}},
    ("dynamodb:BatchGetItem", "BatchesTable"): {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "BATCH#*"}},
}
"""Of the tables that hold more than a statement is made of, the partitions that make_statement may touch, and how. No
group's book is among those that it may write."""


@promise
def no_permission_is_wider_than_its_reason(template: Template) -> Iterator[str]:
    for name, role in of_type(template, "AWS::IAM::Role").items():
        if role.get("ManagedPolicyArns"):
            yield f"{name} has policies that others can change"
        for trust in role["AssumeRolePolicyDocument"]["Statement"]:
            if trust["Principal"] != {"Service": "lambda.amazonaws.com"}:
                yield f"{name} can be assumed by {trust['Principal']}"
        for statement in statements(role):
            if statement["Effect"] != "Allow" or {"NotAction", "NotResource"} & statement.keys():
                yield f"{name} says what is not meant"
                continue
            for action in listed(statement["Action"]):
                if "*" in action:
                    yield f"{name}: {action}"
            for resource in map(as_text, listed(statement["Resource"])):
                # A phone number has no ARN.
                to_phones = listed(statement["Action"]) == ["sns:Publish"] and resource == "*"
                if "*" in resource and resource not in WIDE and not to_phones:
                    yield f"{name}: {resource}"
    used = Counter(named(function.get("Role")) for function in functions(template).values())
    for name in of_type(template, "AWS::IAM::Role"):
        if used[name] != 1:
            yield f"{name} belongs to {used[name]} functions"
    if of_type(template, "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::User"):
        yield "permissions outside the roles"


@promise
def no_secret_stands_in_the_template(template: Template) -> Iterator[str]:
    for string in strings(template):
        for what, pattern in SECRETS.items():
            if re.search(pattern, string.replace(AMAZON, "")):
                yield f"{what}: {string[:6]}…"


# --- alarms


SPENT: Final = ("AWS/SMSVoice", "TextMessageMonthlySpend")


@promise
def every_way_to_fail_has_an_alarm(template: Template) -> Iterator[str]:
    found = {
        (alarm["Namespace"], alarm["MetricName"], *(_dimension(one) for one in alarm.get("Dimensions", [])))
        for alarm in of_type(template, "AWS::CloudWatch::Alarm").values()
    }
    # What texts cost is known for the whole account only.
    wanted: set[tuple[str, ...]] = {("AWS/ApiGateway", "5xx", "ApiId=Api"), SPENT}
    for subscription in of_type(template, "AWS::SNS::Subscription").values():
        if subscription["Protocol"] == "sqs":
            topic = f"TopicName={named(subscription['TopicArn'])}"
            wanted.add(("AWS/SNS", "NumberOfNotificationsFailed", topic))
    for queue in _dead_letter_queues(template):
        # Its messages are taken at once; what grows old there is taken by nobody.
        wanted.add(("AWS/SQS", "ApproximateAgeOfOldestMessage", f"QueueName={queue}"))
    for queue in _main_queues(template):
        wanted.add(("AWS/SQS", "ApproximateAgeOfOldestMessage", f"QueueName={queue}"))
    for function in functions(template):
        wanted.add(("AWS/Lambda", "Errors", f"FunctionName={function}"))
    for name, mapping in mappings(template, "dynamodb").items():
        function = named(mapping["FunctionName"])
        wanted.add(("AWS/Lambda", "IteratorAge", f"FunctionName={function}"))
        wanted.add(("AWS/Lambda", "DestinationDeliveryFailures", f"FunctionName={function}"))
        wanted.add(("AWS/Lambda", "OnFailureDestinationDeliveredEventCount", f"EventSourceMappingUUID={name}"))
    for metric, writer in METRICS.items():
        variables = functions(template).get(writer, {}).get("Environment", {}).get("Variables", {})
        wanted.add(("Hunar", metric, f"service={as_text(variables.get('POWERTOOLS_SERVICE_NAME', 'unnamed'))}"))
    for missing in sorted(wanted - found):
        yield f"no alarm on {' '.join(missing)}"
    for superfluous in sorted(found - wanted):
        yield f"nothing sets off the alarm on {' '.join(superfluous)}"


@promise
def an_alarm_goes_off_at_once_and_somebody_hears_it(template: Template) -> Iterator[str]:
    topics = {"AlarmTopic"} & of_type(template, "AWS::SNS::Topic").keys()
    for name, alarm in of_type(template, "AWS::CloudWatch::Alarm").items():
        for action in ("AlarmActions", "OKActions"):
            if not alarm.get(action) or not {named(one) for one in alarm[action]} <= topics:
                yield f"{name} has no {action}"
        if alarm["MetricName"] in HEARTBEATS:
            yield from _wrong_with_a_heartbeat(name, alarm)
            continue
        if alarm["MetricName"] == NIGHTLY:
            yield from _wrong_with_a_heartbeat(name, alarm, silence=26 * 3600)
            continue
        if (alarm["Namespace"], alarm["MetricName"]) == SPENT:
            yield from _wrong_with_the_spend(name, alarm)
            continue
        # Between two proofs nothing is known: what was wrong is wrong until a proof is clean.
        if alarm.get("TreatMissingData") != ("ignore" if alarm["MetricName"] == PROOF else "notBreaching"):
            yield f"{name} is on when nothing happens, or forgets"
        if alarm["ComparisonOperator"] != "GreaterThanThreshold":
            yield f"{name} goes off below its threshold"
        if alarm["Period"] * alarm["EvaluationPeriods"] > 300:
            yield f"{name} waits for more than five minutes"
        waits = alarm["MetricName"] in ("ApproximateAgeOfOldestMessage", "IteratorAge")
        # Waiting is counted in seconds, a stream's in milliseconds; of anything else one is too many.
        most = {"ApproximateAgeOfOldestMessage": 3600, "IteratorAge": 300_000}.get(alarm["MetricName"], 0)
        if not most >= alarm["Threshold"] >= min(most, 1):
            yield f"{name} lets {alarm['Threshold']} pass"
        if alarm["Statistic"] != ("Maximum" if alarm["Namespace"] == "AWS/SQS" or waits else "Sum"):
            yield f"{name} looks at the {alarm['Statistic']}"
    mailed = [
        named(subscription["TopicArn"])
        for subscription in of_type(template, "AWS::SNS::Subscription").values()
        if subscription["Protocol"] == "email" and named(subscription["Endpoint"]) == "AlarmEmail"
    ]
    if mailed != list(topics):
        yield "alarms are mailed to nobody"


def _wrong_with_the_spend(name: str, alarm: dict[str, Any]) -> Iterator[str]:
    if (alarm["Statistic"], alarm["ComparisonOperator"]) != ("Maximum", "GreaterThanThreshold"):
        yield f"{name} adds up what is a sum already"
    if named(alarm["Threshold"]) != "SmsSpendAlarm" or alarm["Period"] * alarm["EvaluationPeriods"] > 300:
        yield f"{name} does not go off at what the agency says, at once"
    if alarm.get("TreatMissingData") != "ignore":
        yield f"{name} forgets what was spent as soon as nothing is sent"


def _wrong_with_a_heartbeat(name: str, alarm: dict[str, Any], *, silence: int = 1800) -> Iterator[str]:
    if alarm.get("TreatMissingData") != "breaching":
        yield f"{name} takes silence for health"
    if (alarm["ComparisonOperator"], alarm["Threshold"], alarm["Statistic"]) != ("LessThanThreshold", 1, "Sum"):
        yield f"{name} does not go off when nothing is counted"
    if alarm["Period"] * alarm["EvaluationPeriods"] != silence:
        yield f"{name} does not wait for {silence} seconds"
    # CloudWatch looks back a day at most, and a week when a period is an hour or longer.
    if silence > A_DAY and alarm["Period"] < 3600:
        yield f"{name} looks back further than CloudWatch does"


@promise
def every_alarm_names_a_section_of_the_runbook(template: Template) -> Iterator[str]:
    page = anchors((ROOT / "docs/runbook.md").read_text())
    sections: Counter[str] = Counter()
    for name, alarm in of_type(template, "AWS::CloudWatch::Alarm").items():
        section = re.fullmatch(r"(?s).+[.] docs/runbook\.md#([\w-]+)", alarm.get("AlarmDescription", ""))
        if section is None:
            yield f"{name} names no section"
        elif section[1] not in page:
            yield f"{name} names {section[1]}, which is not there"
        else:
            sections[section[1]] += 1
    for title in page:
        if sections[title] != 1:
            yield f"{title} is the section of {sections[title]} alarms"


def _dimension(dimension: dict[str, Any]) -> str:
    value = dimension["Value"]
    return f"{dimension['Name']}={named(value) or as_text(value)}"


# --- the whole


@promise
def the_stack_says_where_everything_is(template: Template) -> Iterator[str]:
    for output in OUTPUTS:
        value = template["Outputs"].get(output, {}).get("Value")
        if value is None:
            yield f"no output {output}"
            continue
        wanted = next((output.removesuffix(end) for end in ("Name", "Url", "Arn") if output.endswith(end)), output)
        if output not in ("ApiUrl", "SecretPrefix", "ApiSecretPrefix", "SmsSecretPrefix") and named(value) != wanted:
            yield f"{output} is {named(value) or value}"
    if template["Outputs"].get("ApiUrl", {}).get("Value") != {"Fn::GetAtt": ["Api", "ApiEndpoint"]}:
        yield "ApiUrl is not the API's address"


@promise
def only_the_local_stack_asks_elsewhere_than_the_marketplaces(template: Template) -> Iterator[str]:
    for name, function in functions(template).items():
        told = function.get("Environment", {}).get("Variables", {}).get("MARKETPLACE_API_URL")
        choice = {"Fn::If": ["HasFakeMarketplaces", {"Ref": "MarketplaceApiUrl"}, {"Ref": "AWS::NoValue"}]}
        if told not in (None, choice):
            yield f"{name} is told {told}"
    only = {
        "Fn::And": [
            {"Fn::Equals": [{"Ref": "Emulated"}, "true"]},
            {"Fn::Not": [{"Fn::Equals": [{"Ref": "MarketplaceApiUrl"}, ""]}]},
        ]
    }
    if template["Conditions"].get("HasFakeMarketplaces") != only:
        yield "tokens may go to whoever listens at an address"


@promise
def who_deploys_names_the_accounts(template: Template) -> Iterator[str]:
    if "Default" in template["Parameters"]["WebhookAccounts"]:
        yield "WebhookAccounts has a default, so a stack of the agency could take the demo's webhooks"


@promise
def stacks_do_not_get_into_each_others_way(template: Template) -> Iterator[str]:
    for name, resource in template["Resources"].items():
        fixed = resource.get("Properties", {}).get(FIXED_NAMES.get(resource["Type"], ""))
        if fixed is not None and fixed != OWN_LAYER_NAME:
            yield f"{name} is always called {fixed}"
    for name, function in functions(template).items():
        service = function.get("Environment", {}).get("Variables", {}).get("POWERTOOLS_SERVICE_NAME", "")
        if "${AWS::StackName}" not in as_text(service):
            yield f"{name} counts together with the functions of other stacks"


@promise
def only_an_emulator_goes_without_what_it_lacks(template: Template) -> Iterator[str]:
    everything = set(template["Resources"])
    # An emulator takes a table's key and does not use it.
    optional = {"AlarmEmailSubscription", "BeneficiariesKey"}
    for name in sorted(everything - present(template) - {"AlarmEmailSubscription"}):
        yield f"{name} is missing on AWS"
    for name in sorted(everything - present(template, AlarmEmail="somebody")):
        yield f"{name} is missing with a mail address"
    emulated = present(template, Emulated="true")
    for name, resource in template["Resources"].items():
        if resource["Type"].startswith(NOT_EMULATED) == (name in emulated) and name not in optional:
            yield f"{name} is {'there' if name in emulated else 'missing'} on the emulator"
