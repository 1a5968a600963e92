"""The template keeps its promises, and each promise notices when it is broken."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from tests.template import promises
from tests.template.deployed import ROOT, Template, source, text, translated
from tests.template.promises import PROMISES

DROP: Final = object()
"""The change that takes something away."""

STREAM: Final = "RelayEffectsFunction.Events.OrdersStream.Properties"

BREAKS: Final[dict[str, list[tuple[str, Any]]]] = {
    "a_message_stays_invisible_for_six_timeouts_of_its_function": [
        ("OrderEventsQueue.VisibilityTimeout", 179),
        ("PayoutsQueue.VisibilityTimeout", DROP),
        ("NotifyGroupFunction.Timeout", 61),
        ("PayoutsDeadLetterQueue.VisibilityTimeout", DROP),
        ("ParkDeadLettersFunction.Timeout", 31),
    ],
    "what_fails_five_times_is_kept_for_fourteen_days": [
        ("OrderEventsQueue.RedrivePolicy", DROP),
        ("OrderEventsQueue.RedrivePolicy.maxReceiveCount", 1),
        ("OrderEventsQueue.MessageRetentionPeriod", 345600),
        ("PayoutsQueue.RedriveAllowPolicy", DROP),
        ("PayoutsDeadLetterQueue.MessageRetentionPeriod", DROP),
        ("PayoutsDeadLetterQueue.SqsManagedSseEnabled", False),
        ("NotificationsQueue.FifoQueue", True),
        ("PayoutsQueue.RedrivePolicy.deadLetterTargetArn", {"Fn::GetAtt": ["OrderEventsDeadLetterQueue", "Arn"]}),
    ],
    "what_nobody_could_take_is_put_away": [
        ("ParkDeadLettersFunction.Events.PayoutsDeadLetters", DROP),
        (
            "ParkDeadLettersFunction.Events.PayoutsDeadLetters.Properties.Queue",
            {"Fn::GetAtt": ["OrderEventsDeadLetterQueue", "Arn"]},
        ),
        ("NotificationsQueue.MaximumMessageSize", DROP),
        ("OrderEventsQueue.MaximumMessageSize", 1048576),
        ("FailedRelaysBucket.NotificationConfiguration", DROP),
        ("FailedRelaysBucket.NotificationConfiguration.LambdaConfigurations.0.Filter", DROP),
        ("FailedRelaysBucket.NotificationConfiguration.LambdaConfigurations.0.Event", "s3:ObjectRemoved:*"),
        ("/FailedRelaysBucket.DependsOn", DROP),
    ],
    "one_bad_message_does_not_bring_its_batch_again": [
        ("ParkDeadLettersFunction.Events.OrderEventsDeadLetters.Properties.FunctionResponseTypes", DROP),
        ("ApplyOrderEventsFunction.Events.OrderEvents.Properties.FunctionResponseTypes", DROP),
        ("NotifyGroupFunction.Events.Notifications.Properties.BatchSize", 100),
        ("ApplyOrderEventsFunction.Events.OrderEvents.Properties.ScalingConfig", DROP),
    ],
    "only_amazon_the_topic_and_the_inbox_may_send_from_outside_and_nobody_in_the_open": [
        ("InboxQueuePolicy.PolicyDocument.Statement.0.Condition", DROP),
        ("InboxQueuePolicy.PolicyDocument.Statement.0.Condition.StringEquals", DROP),
        ("InboxQueuePolicy.PolicyDocument.Statement.0.Condition.ArnLike", DROP),
        ("SmsReceiptsQueuePolicy.PolicyDocument.Statement.0.Principal", "*"),
        ("SmsReceiptsQueuePolicy.PolicyDocument.Statement.0.Condition", DROP),
        ("SmsReceiptsQueuePolicy.PolicyDocument.Statement.1", DROP),
        ("/SmsReceiptsQueuePolicy", DROP),
        ("AmazonNotificationsQueuePolicy.PolicyDocument.Statement.0.Principal", "*"),
        ("AmazonNotificationsQueuePolicy.PolicyDocument.Statement.0.Principal", {"AWS": "*"}),
        ("AmazonNotificationsQueuePolicy.PolicyDocument.Statement.0.Condition", DROP),
        ("AmazonNotificationsQueuePolicy.PolicyDocument.Statement.0.Action", "sqs:*"),
        ("AmazonNotificationsQueuePolicy.PolicyDocument.Statement.1", DROP),
        ("AmazonNotificationsQueuePolicy.PolicyDocument.Statement.1.Action", "sqs:SendMessage"),
        ("AmazonNotificationsQueuePolicy.Queues", [{"Ref": "OrderEventsQueue"}]),
        ("/AmazonNotificationsQueuePolicy", DROP),
    ],
    "every_file_that_is_handed_in_is_told_and_none_is_hidden_by_another": [
        ("InboxBucket.NotificationConfiguration", DROP),
        ("InboxBucket.NotificationConfiguration.QueueConfigurations.0.Event", "s3:ObjectCreated:Put"),
        ("InboxBucket.NotificationConfiguration.QueueConfigurations.0.Queue", {"Fn::GetAtt": ["PayoutsQueue", "Arn"]}),
        ("/InboxBucket.DependsOn", DROP),
        ("InboxBucket.VersioningConfiguration", DROP),
        ("ImportFileFunction.Events.Inbox", DROP),
        ("ImportFileFunction.Events.Inbox.Properties.BatchSize", 10),
    ],
    "who_takes_files_writes_no_book": [
        ("ImportFileRole.Policies.0.PolicyDocument.Statement.5.Condition", DROP),
        (
            "ImportFileRole.Policies.0.PolicyDocument.Statement.5.Condition",
            {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["*"]}},
        ),
    ],
    "what_becomes_of_a_text_reaches_the_queue_as_it_is": [
        ("SmsConfigurationSet.EventDestinations", DROP),
        ("SmsConfigurationSet.EventDestinations.0.Enabled", False),
        ("SmsConfigurationSet.EventDestinations.0.MatchingEventTypes", ["TEXT_DELIVERED"]),
        ("SmsConfigurationSet.EventDestinations.0.SnsDestination.TopicArn", {"Ref": "AlarmTopic"}),
        ("/SmsConfigurationSet.DependsOn", DROP),
        ("SmsEventsSubscription.RawMessageDelivery", DROP),
        ("SmsEventsSubscription.Endpoint", {"Fn::GetAtt": ["OrderEventsQueue", "Arn"]}),
        ("/SmsEventsSubscription.DependsOn", DROP),
        ("SmsEventsTopicPolicy.PolicyDocument.Statement.0.Principal", "*"),
        ("SmsEventsTopicPolicy.PolicyDocument.Statement.0.Condition", DROP),
        ("SmsEventsTopicPolicy.PolicyDocument.Statement.1.Condition", DROP),
        ("/SmsEventsTopicPolicy", DROP),
    ],
    "texts_go_to_india_and_nowhere_else": [
        ("SmsConfigurationSet.ProtectConfigurationId", DROP),
        ("SmsProtection.CountryRuleSet.SMS.0.ProtectStatus", "MONITOR"),
        ("SmsProtection.CountryRuleSet.SMS.7.ProtectStatus", "ALLOW"),
        ("SmsProtection.CountryRuleSet.SMS", [{"CountryCode": "IN", "ProtectStatus": "ALLOW"}]),
        ("SmsProtection.DeletionProtectionEnabled", DROP),
    ],
    "only_the_local_stack_asks_elsewhere_than_the_marketplaces": [
        ("FetchOrderFunction.Environment.Variables.MARKETPLACE_API_URL", {"Ref": "MarketplaceApiUrl"}),
        ("//Conditions.HasFakeMarketplaces", {"Fn::Not": [{"Fn::Equals": [{"Ref": "MarketplaceApiUrl"}, ""]}]}),
    ],
    "effects_are_relayed_until_they_are_kept_in_the_bucket": [
        (f"{STREAM}.FilterCriteria", DROP),
        (f"{STREAM}.FilterCriteria.Filters.0.Pattern", '{"dynamodb":{"NewImage":{"effects":{"L":[{"exists":true}]}}}}'),
        (f"{STREAM}.BisectBatchOnFunctionError", False),
        (f"{STREAM}.MaximumRetryAttempts", DROP),
        (f"{STREAM}.MaximumRetryAttempts", -1),
        (f"{STREAM}.MaximumRecordAgeInSeconds", DROP),
        (f"{STREAM}.MaximumRecordAgeInSeconds", 604800),
        (f"{STREAM}.DestinationConfig", DROP),
        (f"{STREAM}.StartingPosition", "LATEST"),
        (f"{STREAM}.BatchSize", 1000),
        (f"{STREAM}.FunctionResponseTypes", ["ReportBatchItemFailures"]),
        (f"{STREAM}.MetricsConfig", DROP),
        ("RelayEffectsFunction.Events.StockStream", DROP),
        ("OrdersTable.StreamSpecification.StreamViewType", "NEW_AND_OLD_IMAGES"),
        ("LedgerTable.StreamSpecification", {"StreamViewType": "NEW_IMAGE"}),
    ],
    "what_was_given_up_is_kept_in_private": [
        ("FailedRelaysBucket.PublicAccessBlockConfiguration.RestrictPublicBuckets", False),
        ("FailedRelaysBucket.BucketEncryption", DROP),
        ("FailedRelaysBucket.LifecycleConfiguration", DROP),
        ("/FailedRelaysBucket.DeletionPolicy", DROP),
        ("/FailedRelaysBucketPolicy", DROP),
        ("InboxBucket.PublicAccessBlockConfiguration", DROP),
        ("InboxBucket.BucketEncryption", DROP),
        ("/InboxBucket.DeletionPolicy", DROP),
        ("/InboxBucketPolicy", DROP),
    ],
    "tables_outlive_the_stack_and_its_mistakes": [
        ("/OrdersTable.DeletionPolicy", "Delete"),
        ("/StockTable.UpdateReplacePolicy", DROP),
        ("LedgerTable.PointInTimeRecoverySpecification", DROP),
        ("LedgerTable.DeletionProtectionEnabled", False),
        ("RegistryTable.BillingMode", "PROVISIONED"),
        ("RegistryTable.KeySchema.1.AttributeName", "range"),
        ("RegistryTable.AttributeDefinitions.0.AttributeType", "N"),
        ("/ExceptionsTable", DROP),
        ("//Conditions.IsProd", {"Fn::Equals": [{"Ref": "Stage"}, "production"]}),
    ],
    "indexes_hold_keys_only": [
        ("OrdersTable.GlobalSecondaryIndexes.0.Projection", {"ProjectionType": "ALL"}),
        ("ExceptionsTable.GlobalSecondaryIndexes", DROP),
        ("NotificationsTable.GlobalSecondaryIndexes.0.KeySchema.0.AttributeName", "pk"),
    ],
    "deliveries_expire_and_have_a_key_of_their_own": [
        ("DeliveriesTable.TimeToLiveSpecification.AttributeName", "ttl"),
        ("DeliveriesTable.SSESpecification", DROP),
        ("LedgerTable.TimeToLiveSpecification", {"AttributeName": "expires_at", "Enabled": True}),
    ],
    "routes_are_those_of_the_contract_and_operators_sign": [
        ("OrdersRoute.AuthorizationType", "NONE"),
        ("OrdersRoute.AuthorizationType", DROP),
        ("WebhookPostRoute.AuthorizationType", "AWS_IAM"),
        ("OrdersRoute.RouteKey", "$default"),
        ("/WebhookAnyRoute", DROP),
        ("/SmsAnyRoute", DROP),
        ("SmsPostRoute.Target", {"Fn::Sub": "integrations/${OperatorIntegration}"}),
        ("OrdersRoute.Target", {"Fn::Sub": "integrations/${WebhookIntegration}"}),
        ("WebhookIntegration.PayloadFormatVersion", "1.0"),
        (
            "OperatorApiFunction.Events",
            {"Any": {"Type": "HttpApi", "Properties": {"Path": "/api/open", "Method": "GET"}}},
        ),
    ],
    "the_clocks_run": [
        ("SweepFunction.Events.Clock.Properties.Schedule", "rate(1 day)"),
        ("SweepFunction.Events.Clock.Properties.Enabled", False),
        ("SweepFunction.Events.Clock", DROP),
        ("CatchUpOrdersFunction.Events.Clock.Properties.Schedule", "rate(1 day)"),
        ("PublishStockFunction.Events.Nightly", DROP),
        ("ProveLedgerFunction.Events.Nightly", DROP),
    ],
    "functions_are_called_by_the_api_by_their_routes_by_the_accounts_own_buckets_and_by_the_clock": [
        ("SweepFunction.Events.Clock", DROP),
        ("ParkDeadLettersPermission.SourceAccount", DROP),
        ("ParkDeadLettersPermission.Action", "lambda:*"),
        ("ReceiveWebhookPermission.SourceArn", DROP),
        ("/ReceiveSmsPermission", DROP),
        ("OperatorApiPermission.Principal", "*"),
        ("/OperatorApiPermission", DROP),
    ],
    "no_caller_uses_up_everybody_elses_share": [
        ("ApiStage.DefaultRouteSettings", DROP),
        (f"ApiStage.RouteSettings.POST {promises.WEBHOOK}.ThrottlingRateLimit", 10000),
        (f"ApiStage.RouteSettings.ANY {promises.WEBHOOK}", DROP),
        (f"ApiStage.RouteSettings.POST {promises.SMS}", DROP),
        (f"ApiStage.RouteSettings.ANY {promises.SMS}.ThrottlingRateLimit", 50),
        ("ApiStage.AccessLogSettings.Format", '{"path":"$context.path"}'),
        ("ApiStage.AccessLogSettings.Format", DROP),
        ("ApiStage.AccessLogSettings", DROP),
        ("ApiStage.AutoDeploy", False),
    ],
    "every_folder_of_functions_is_a_function_and_vice_versa": [
        ("/ComputePayoutFunction", DROP),
        ("SweepFunction.CodeUri", "functions/sweeps"),
        ("ComputePayoutFunction.CodeUri", "functions"),
    ],
    "functions_run_as_the_parameters_say": [
        ("ComputePayoutFunction.Runtime", "python3.12"),
        ("ComputePayoutFunction.Architectures", ["x86_64"]),
        ("//Globals.Function.Architectures", DROP),
        ("//Globals.Function.Layers", DROP),
        ("//Globals.Function.MemorySize", DROP),
        ("OperatorApiFunction.Handler", "handler.main"),
        ("OperatorApiFunction.Timeout", 900),
        ("ImportFileFunction.MemorySize", 10240),
    ],
    "logs_are_kept_for_a_year_each_function_its_own": [
        ("NotifyGroupFunction.LoggingConfig", DROP),
        ("SweepFunction.LoggingConfig", DROP),
        ("NotifyGroupFunction.LoggingConfig.LogGroup", {"Ref": "ReceiveWebhookLogGroup"}),
        ("NotifyGroupLogGroup.RetentionInDays", DROP),
        ("ApiAccessLogGroup.RetentionInDays", 7),
        ("/ApiAccessLogGroup.DeletionPolicy", DROP),
    ],
    "a_function_is_told_what_it_uses_and_nothing_else": [
        ("ReceiveWebhookFunction.Environment.Variables.LEDGER_TABLE", {"Ref": "LedgerTable"}),
        ("NotifyGroupFunction.Environment.Variables.DEMO", DROP),
        ("SweepFunction.Environment.Variables.EMULATED", DROP),
        ("ComputePayoutRole.Policies.0.PolicyDocument.Statement.3", DROP),
    ],
    "names_reach_the_setting_that_reads_them": [
        ("ComputePayoutFunction.Environment.Variables.LEDGER_TABLE", {"Ref": "OrdersTable"}),
        ("RelayEffectsFunction.Environment.Variables.PAYOUTS_QUEUE_URL", {"Ref": "NotificationsQueue"}),
        ("ReceiveWebhookFunction.Environment.Variables.SECRET_PREFIX", {"Fn::Sub": "hunar/${Stage}"}),
        ("FetchOrderFunction.Environment.Variables.API_SECRET_PREFIX", {"Fn::Sub": "hunar/${Stage}/webhooks"}),
        ("ReceiveWebhookFunction.Environment.Variables.SMS_SECRET_PREFIX", {"Fn::Sub": "hunar/${Stage}/webhooks"}),
        (
            "ParkDeadLettersFunction.Environment.Variables.PAYOUTS_DEAD_LETTER_QUEUE_ARN",
            {"Fn::GetAtt": ["NotificationsDeadLetterQueue", "Arn"]},
        ),
    ],
    "each_function_may_do_what_the_golden_list_says": [
        (
            "ComputePayoutRole.Policies.0.PolicyDocument.Statement.4.Action",
            ["dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"],
        ),
        ("OperatorApiRole.Policies.0.PolicyDocument.Statement.1.Resource", {"Fn::GetAtt": ["OrdersTable", "Arn"]}),
        ("SweepRole.Policies.0.PolicyDocument.Statement.2.Action", ["dynamodb:BatchGetItem", "dynamodb:PutItem"]),
        ("RelayEffectsFunction.Role", {"Fn::GetAtt": ["OperatorApiRole", "Arn"]}),
    ],
    "a_statement_is_made_of_groups_and_their_books_and_of_nothing_else": [
        ("MakeStatementRole.Policies.0.PolicyDocument.Statement.1.Condition", DROP),
        ("MakeStatementRole.Policies.0.PolicyDocument.Statement.2.Condition", DROP),
        (
            "MakeStatementRole.Policies.0.PolicyDocument.Statement.2.Condition",
            {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "*"}},
        ),
        # Its book could be written then.
        (
            "MakeStatementRole.Policies.0.PolicyDocument.Statement.3.Condition",
            {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["GROUP#*", "STATEMENT#*"]}},
        ),
        ("MakeStatementRole.Policies.0.PolicyDocument.Statement.2.Action", "dynamodb:PutItem"),
        ("MakeStatementRole.Policies.0.PolicyDocument.Statement.4.Condition", DROP),
    ],
    "no_permission_is_wider_than_its_reason": [
        ("ReceiveWebhookRole.Policies.0.PolicyDocument.Statement.1.Action", "secretsmanager:*"),
        ("ReceiveWebhookRole.Policies.0.PolicyDocument.Statement.1.Resource", "*"),
        ("ReceiveWebhookRole.ManagedPolicyArns", ["arn:aws:iam::aws:policy/AdministratorAccess"]),
        ("NotifyGroupRole.AssumeRolePolicyDocument.Statement.0.Principal", {"AWS": "*"}),
        ("NotifyGroupRole.Policies.0.PolicyDocument.Statement.0.NotAction", "s3:*"),
        ("RelayEffectsFunction.Role", {"Fn::GetAtt": ["OperatorApiRole", "Arn"]}),
        # SAM then makes a role of its own, with policies that AWS manages.
        ("ComputePayoutFunction.Role", DROP),
    ],
    "no_secret_stands_in_the_template": [
        ("ReceiveWebhookFunction.Environment.Variables.SECRET", "9f86d081884c7d659a2feaa0c55ad015"),
        ("Api.Description", "AKIAIOSFODNN7EXAMPLE"),
        ("//Parameters.AlarmEmail.Default", "somebody@example.org"),
        ("NotifyGroupFunction.Environment.Variables.TO", "+919999900011"),
    ],
    "every_way_to_fail_has_an_alarm": [
        ("/ApiServerErrorsAlarm", DROP),
        ("/OrderEventsDeadLetterAlarm", DROP),
        ("/NotificationsDeadLetterAlarm", DROP),
        ("/PayoutsDeadLetterAlarm", DROP),
        ("/DeadLettersParkedAlarm", DROP),
        ("/DeadLettersNotParkedAlarm", DROP),
        ("/ParkDeadLettersErrorsAlarm", DROP),
        ("/OrderEventsAgeAlarm", DROP),
        ("/OperatorApiErrorsAlarm", DROP),
        ("/MakeStatementErrorsAlarm", DROP),
        ("/RelayAgeAlarm", DROP),
        ("/StockRelayFailureAlarm", DROP),
        ("/RelayLossAlarm", DROP),
        ("/WebhookUnsignedAlarm", DROP),
        ("/WebhookOversizeAlarm", DROP),
        ("/SweepSilenceAlarm", DROP),
        ("/CatchUpSilenceAlarm", DROP),
        ("/FetchesAgeAlarm", DROP),
        ("/StockFeedDeadLetterAlarm", DROP),
        ("/AmazonNotificationsAgeAlarm", DROP),
        ("/SweepErrorsAlarm", DROP),
        ("/InboxDeadLetterAlarm", DROP),
        ("/InboxAgeAlarm", DROP),
        ("/ImportFileErrorsAlarm", DROP),
        ("/LedgerFaultsAlarm", DROP),
        ("/LedgerNotProvedAlarm", DROP),
        ("/ProveLedgerErrorsAlarm", DROP),
        ("/SmsReceiptsDeadLetterAlarm", DROP),
        ("/SmsReceiptsAgeAlarm", DROP),
        ("/RecordSmsReceiptErrorsAlarm", DROP),
        ("/SmsEventsNotDeliveredAlarm", DROP),
        ("/SmsMonthlySpendAlarm", DROP),
        ("SmsMonthlySpendAlarm.Namespace", "AWS/SNS"),
        ("WebhookUnsignedAlarm.MetricName", "WebhookUnsignd"),
        ("WebhookUnsignedAlarm.Dimensions.0.Value", "receive_webhook"),
        ("PayoutsDeadLetterAlarm.Dimensions.0.Value", {"Fn::GetAtt": ["PayoutsQueue", "QueueName"]}),
    ],
    "an_alarm_goes_off_at_once_and_somebody_hears_it": [
        ("WebhookUnsignedAlarm.AlarmActions", DROP),
        ("WebhookUnsignedAlarm.TreatMissingData", "breaching"),
        ("PayoutsDeadLetterAlarm.Threshold", 86400),
        ("DeadLettersParkedAlarm.Threshold", 10),
        ("PayoutsDeadLetterAlarm.Statistic", "Average"),
        ("PayoutsAgeAlarm.Threshold", 86400),
        ("PayoutsAgeAlarm.EvaluationPeriods", 60),
        ("RelayAgeAlarm.ComparisonOperator", "LessThanThreshold"),
        ("SweepSilenceAlarm.TreatMissingData", "notBreaching"),
        ("SweepSilenceAlarm.EvaluationPeriods", 60),
        ("SweepSilenceAlarm.Threshold", 0),
        ("SweepSilenceAlarm.AlarmActions", DROP),
        ("LedgerFaultsAlarm.Threshold", 1),
        ("LedgerFaultsAlarm.TreatMissingData", "notBreaching"),
        ("LedgerNotProvedAlarm.TreatMissingData", "notBreaching"),
        ("LedgerNotProvedAlarm.EvaluationPeriods", 25),
        ("SmsMonthlySpendAlarm.Statistic", "Sum"),
        ("SmsMonthlySpendAlarm.Threshold", 1000),
        ("SmsMonthlySpendAlarm.TreatMissingData", "notBreaching"),
        ("SmsMonthlySpendAlarm.AlarmActions", DROP),
        ("SmsMonthlySpendAlarm.AlarmActions", [{"Ref": "SmsEventsTopic"}]),
        ("/AlarmEmailSubscription", DROP),
    ],
    "every_alarm_names_a_section_of_the_runbook": [
        ("RelayAgeAlarm.AlarmDescription", "Something is slow."),
        ("RelayAgeAlarm.AlarmDescription", "Slow. docs/runbook.md#slow"),
        ("RelayAgeAlarm.AlarmDescription", "Slow. docs/runbook.md#payouts-are-waiting"),
    ],
    "the_stack_says_where_everything_is": [
        ("//Outputs.LedgerTableName", DROP),
        ("//Outputs.SweepFunctionName", DROP),
        ("//Outputs.PayoutsQueueUrl.Value", {"Ref": "PayoutsDeadLetterQueue"}),
        ("//Outputs.ApiUrl.Value", {"Ref": "Api"}),
    ],
    "who_deploys_names_the_accounts": [
        ("//Parameters.WebhookAccounts.Default", "flipkart/demo"),
    ],
    "stacks_do_not_get_into_each_others_way": [
        ("OrdersTable.TableName", "orders"),
        ("PayoutsQueue.QueueName", {"Fn::Sub": "hunar-${Stage}-payouts"}),
        ("NotifyGroupFunction.FunctionName", "notify_group"),
        ("NotifyGroupFunction.Environment.Variables.POWERTOOLS_SERVICE_NAME", "notify_group"),
    ],
    "only_an_emulator_goes_without_what_it_lacks": [
        ("/OrderHistoryQuery.Condition", DROP),
        ("/PayoutsDeadLetterAlarm.Condition", "OnAws"),
        ("//Conditions.OnAws", {"Fn::Equals": [{"Ref": "Emulated"}, "True"]}),
        ("//Parameters.Emulated.Default", "true"),
    ],
}
"""Per promise what is changed in template.yaml, and into what.

``Resource.Property…`` is a property, ``/Resource…`` the resource itself, ``//Section…`` the template itself.
"""


def changed(where: str, into: Any) -> Template:
    sam = source()
    if where.startswith("//"):
        path = where[2:].split(".")
    elif where.startswith("/"):
        path = ["Resources", *where[1:].split(".")]
    else:
        resource, *rest = where.split(".")
        path = ["Resources", resource, "Properties", *rest]
    node: Any = sam
    for step in path[:-1]:
        node = node[int(step) if isinstance(node, list) else step]
    last: Any = int(path[-1]) if isinstance(node, list) else path[-1]
    if into is DROP:
        del node[last]
    else:
        assert isinstance(node, list) or node.get(last) != into, "nothing was changed"
        node[last] = into
    return translated(sam)


@cache
def as_deployed() -> Template:
    return translated(source())


@pytest.mark.parametrize("name", PROMISES)
def test_the_template_keeps(name: str) -> None:
    assert PROMISES[name](as_deployed()) == []


@pytest.mark.parametrize(
    ("name", "where", "into"),
    [
        pytest.param(name, where, into, id=f"{name}-{where}")
        for name, breaks in BREAKS.items()
        for where, into in breaks
    ],
)
def test_a_template_that_breaks_it_is_noticed(name: str, where: str, into: Any) -> None:
    kept = set(PROMISES[name](as_deployed()))
    assert set(PROMISES[name](changed(where, into))) - kept


def test_every_promise_has_been_broken_once() -> None:
    assert BREAKS.keys() == PROMISES.keys()
    assert all(BREAKS.values())


def test_every_metric_with_an_alarm_is_written_by_the_code() -> None:
    code = "".join(path.read_text() for root in ("functions", "layers/common/hunar") for path in _python(root))
    for metric in promises.METRICS:
        assert f'"{metric}"' in code, metric


def _python(root: str) -> list[Path]:
    return sorted((ROOT / root).rglob("*.py"))


def without_purpose(template: str) -> list[str]:
    """Resources above which no comment says what they are for."""
    body = template.partition("\nResources:\n")[2].partition("\nOutputs:\n")[0].splitlines()
    return [
        line.strip(" :")
        for above, line in zip(["", *body], body, strict=False)
        if re.fullmatch(r"  \w+:", line) and not re.match(r"  # \w", above)
    ]


def test_every_resource_says_what_it_is_for() -> None:
    assert without_purpose(text()) == []


def test_a_resource_that_does_not_say_what_it_is_for_is_noticed() -> None:
    assert without_purpose(text().replace("  # What could not be applied in five receives.\n", "")) == [
        "OrderEventsDeadLetterQueue"
    ]


def waivers_without_reason(template: str) -> list[str]:
    """Lint rules that are switched off while no comment above says why."""
    lines = template.splitlines()
    return [
        line.strip()
        for above, line in zip(["", *lines], lines, strict=False)
        if re.search(r"\b(ignore_checks|[EWI][0-9]{4})\b", line) and "#" not in above
    ]


def test_no_lint_rule_is_switched_off_without_a_reason() -> None:
    assert waivers_without_reason(text()) == []
    assert waivers_without_reason("Metadata:\n  cfn-lint: {config: {ignore_checks: [W3005]}}\n")
