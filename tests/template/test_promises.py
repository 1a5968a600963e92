"""The template keeps its promises, and each promise notices when it is broken."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

import pytest

from tests.template import promises
from tests.template.deployed import Template, source, text, translated
from tests.template.promises import PROMISES

DROP: Final = object()
"""The change that takes something away."""

BREAKS: Final[list[tuple[str, str, Any]]] = [
    # promise, what is changed in template.yaml, into what
    ("a_message_stays_invisible_for_six_timeouts_of_its_function", "OrderEventsQueue.VisibilityTimeout", 179),
    ("a_message_stays_invisible_for_six_timeouts_of_its_function", "PayoutsQueue.VisibilityTimeout", DROP),
    ("a_message_stays_invisible_for_six_timeouts_of_its_function", "NotifyGroupFunction.Timeout", 61),
    ("what_fails_five_times_is_kept_for_fourteen_days", "OrderEventsQueue.RedrivePolicy", DROP),
    ("what_fails_five_times_is_kept_for_fourteen_days", "OrderEventsQueue.RedrivePolicy.maxReceiveCount", 1),
    ("what_fails_five_times_is_kept_for_fourteen_days", "OrderEventsQueue.MessageRetentionPeriod", 345600),
    ("what_fails_five_times_is_kept_for_fourteen_days", "PayoutsQueue.RedriveAllowPolicy", DROP),
    ("what_fails_five_times_is_kept_for_fourteen_days", "PayoutsDeadLetterQueue.MessageRetentionPeriod", DROP),
    ("what_fails_five_times_is_kept_for_fourteen_days", "PayoutsDeadLetterQueue.SqsManagedSseEnabled", False),
    ("what_fails_five_times_is_kept_for_fourteen_days", "NotificationsQueue.FifoQueue", True),
    (
        "what_fails_five_times_is_kept_for_fourteen_days",
        "PayoutsQueue.RedrivePolicy.deadLetterTargetArn",
        {"Fn::GetAtt": ["OrderEventsDeadLetterQueue", "Arn"]},
    ),
    (
        "one_bad_message_does_not_bring_its_batch_again",
        "ApplyOrderEventsFunction.Events.OrderEvents.Properties.FunctionResponseTypes",
        DROP,
    ),
    (
        "one_bad_message_does_not_bring_its_batch_again",
        "NotifyGroupFunction.Events.Notifications.Properties.BatchSize",
        100,
    ),
    (
        "one_bad_message_does_not_bring_its_batch_again",
        "ApplyOrderEventsFunction.Events.OrderEvents.Properties.ScalingConfig",
        DROP,
    ),
    *(
        (
            "effects_are_relayed_until_they_are_kept_in_the_bucket",
            f"RelayEffectsFunction.Events.OrdersStream.Properties.{name}",
            value,
        )
        for name, value in [
            ("FilterCriteria", DROP),
            ("FilterCriteria.Filters.0.Pattern", '{"dynamodb":{"NewImage":{"effects":{"L":[{"exists":true}]}}}}'),
            ("BisectBatchOnFunctionError", False),
            ("MaximumRetryAttempts", DROP),
            ("MaximumRetryAttempts", -1),
            ("MaximumRecordAgeInSeconds", DROP),
            ("MaximumRecordAgeInSeconds", 604800),
            ("DestinationConfig", DROP),
            ("StartingPosition", "LATEST"),
            ("BatchSize", 1000),
            ("FunctionResponseTypes", ["ReportBatchItemFailures"]),
            ("MetricsConfig", DROP),
        ]
    ),
    ("effects_are_relayed_until_they_are_kept_in_the_bucket", "RelayEffectsFunction.Events.StockStream", DROP),
    (
        "effects_are_relayed_until_they_are_kept_in_the_bucket",
        "OrdersTable.StreamSpecification.StreamViewType",
        "NEW_AND_OLD_IMAGES",
    ),
    (
        "effects_are_relayed_until_they_are_kept_in_the_bucket",
        "LedgerTable.StreamSpecification",
        {"StreamViewType": "NEW_IMAGE"},
    ),
    (
        "what_was_given_up_is_kept_in_private",
        "FailedRelaysBucket.PublicAccessBlockConfiguration.RestrictPublicBuckets",
        False,
    ),
    ("what_was_given_up_is_kept_in_private", "FailedRelaysBucket.BucketEncryption", DROP),
    ("what_was_given_up_is_kept_in_private", "FailedRelaysBucket.LifecycleConfiguration", DROP),
    ("what_was_given_up_is_kept_in_private", "/FailedRelaysBucket.DeletionPolicy", DROP),
    ("what_was_given_up_is_kept_in_private", "/FailedRelaysBucketPolicy", DROP),
    ("tables_outlive_the_stack_and_its_mistakes", "/OrdersTable.DeletionPolicy", "Delete"),
    ("tables_outlive_the_stack_and_its_mistakes", "/StockTable.UpdateReplacePolicy", DROP),
    ("tables_outlive_the_stack_and_its_mistakes", "LedgerTable.PointInTimeRecoverySpecification", DROP),
    ("tables_outlive_the_stack_and_its_mistakes", "LedgerTable.DeletionProtectionEnabled", False),
    ("tables_outlive_the_stack_and_its_mistakes", "RegistryTable.BillingMode", "PROVISIONED"),
    ("tables_outlive_the_stack_and_its_mistakes", "RegistryTable.KeySchema.1.AttributeName", "range"),
    ("tables_outlive_the_stack_and_its_mistakes", "RegistryTable.AttributeDefinitions.0.AttributeType", "N"),
    ("tables_outlive_the_stack_and_its_mistakes", "/ExceptionsTable", DROP),
    ("tables_outlive_the_stack_and_its_mistakes", "//Conditions.IsProd", {"Fn::Equals": [{"Ref": "Stage"}, "production"]}),
    (
        "indexes_hold_keys_only",
        "OrdersTable.GlobalSecondaryIndexes.0.Projection",
        {"ProjectionType": "ALL"},
    ),
    ("indexes_hold_keys_only", "ExceptionsTable.GlobalSecondaryIndexes", DROP),
    ("indexes_hold_keys_only", "NotificationsTable.GlobalSecondaryIndexes.0.KeySchema.0.AttributeName", "pk"),
    ("deliveries_expire_and_have_a_key_of_their_own", "DeliveriesTable.TimeToLiveSpecification.AttributeName", "ttl"),
    ("deliveries_expire_and_have_a_key_of_their_own", "DeliveriesTable.SSESpecification", DROP),
    (
        "deliveries_expire_and_have_a_key_of_their_own",
        "LedgerTable.TimeToLiveSpecification",
        {"AttributeName": "expires_at", "Enabled": True},
    ),
    ("routes_are_those_of_the_contract_and_operators_sign", "OrdersRoute.AuthorizationType", "NONE"),
    ("routes_are_those_of_the_contract_and_operators_sign", "OrdersRoute.AuthorizationType", DROP),
    ("routes_are_those_of_the_contract_and_operators_sign", "WebhookPostRoute.AuthorizationType", "AWS_IAM"),
    ("routes_are_those_of_the_contract_and_operators_sign", "OrdersRoute.RouteKey", "$default"),
    ("routes_are_those_of_the_contract_and_operators_sign", "/WebhookAnyRoute", DROP),
    (
        "routes_are_those_of_the_contract_and_operators_sign",
        "OrdersRoute.Target",
        {"Fn::Sub": "integrations/${WebhookIntegration}"},
    ),
    ("routes_are_those_of_the_contract_and_operators_sign", "WebhookIntegration.PayloadFormatVersion", "1.0"),
    (
        "routes_are_those_of_the_contract_and_operators_sign",
        "OperatorApiFunction.Events",
        {"Any": {"Type": "HttpApi", "Properties": {"Path": "/api/open", "Method": "GET"}}},
    ),
    ("only_the_api_calls_functions_and_only_by_their_routes", "ReceiveWebhookPermission.SourceArn", DROP),
    ("only_the_api_calls_functions_and_only_by_their_routes", "OperatorApiPermission.Principal", "*"),
    ("only_the_api_calls_functions_and_only_by_their_routes", "/OperatorApiPermission", DROP),
    ("no_caller_uses_up_everybody_elses_share", "ApiStage.DefaultRouteSettings", DROP),
    (
        "no_caller_uses_up_everybody_elses_share",
        f"ApiStage.RouteSettings.POST {promises.WEBHOOK}.ThrottlingRateLimit",
        10000,
    ),
    ("no_caller_uses_up_everybody_elses_share", f"ApiStage.RouteSettings.ANY {promises.WEBHOOK}", DROP),
    ("no_caller_uses_up_everybody_elses_share", "ApiStage.AccessLogSettings", DROP),
    ("no_caller_uses_up_everybody_elses_share", "ApiStage.AutoDeploy", False),
    ("every_folder_of_functions_is_a_function_and_vice_versa", "/ComputePayoutFunction", DROP),
    ("every_folder_of_functions_is_a_function_and_vice_versa", "ComputePayoutFunction.CodeUri", "functions"),
    ("functions_run_as_the_parameters_say", "ComputePayoutFunction.Runtime", "python3.12"),
    ("functions_run_as_the_parameters_say", "ComputePayoutFunction.Architectures", ["x86_64"]),
    ("functions_run_as_the_parameters_say", "//Globals.Function.Architectures", DROP),
    ("functions_run_as_the_parameters_say", "//Globals.Function.Layers", DROP),
    ("functions_run_as_the_parameters_say", "//Globals.Function.MemorySize", DROP),
    ("functions_run_as_the_parameters_say", "OperatorApiFunction.Handler", "handler.main"),
    ("functions_run_as_the_parameters_say", "OperatorApiFunction.Timeout", 900),
    ("logs_are_kept_for_a_year_each_function_its_own", "NotifyGroupFunction.LoggingConfig", DROP),
    (
        "logs_are_kept_for_a_year_each_function_its_own",
        "NotifyGroupFunction.LoggingConfig.LogGroup",
        {"Ref": "ReceiveWebhookLogGroup"},
    ),
    ("logs_are_kept_for_a_year_each_function_its_own", "NotifyGroupLogGroup.RetentionInDays", DROP),
    ("logs_are_kept_for_a_year_each_function_its_own", "ApiAccessLogGroup.RetentionInDays", 7),
    ("logs_are_kept_for_a_year_each_function_its_own", "/ApiAccessLogGroup.DeletionPolicy", DROP),
    (
        "a_function_is_told_what_it_uses_and_nothing_else",
        "ReceiveWebhookFunction.Environment.Variables.LEDGER_TABLE",
        {"Ref": "LedgerTable"},
    ),
    ("a_function_is_told_what_it_uses_and_nothing_else", "NotifyGroupFunction.Environment.Variables.DEMO", DROP),
    (
        "a_function_is_told_what_it_uses_and_nothing_else",
        "ComputePayoutRole.Policies.0.PolicyDocument.Statement.3",
        DROP,
    ),
    (
        "names_reach_the_setting_that_reads_them",
        "ComputePayoutFunction.Environment.Variables.LEDGER_TABLE",
        {"Ref": "OrdersTable"},
    ),
    (
        "names_reach_the_setting_that_reads_them",
        "RelayEffectsFunction.Environment.Variables.PAYOUTS_QUEUE_URL",
        {"Ref": "NotificationsQueue"},
    ),
    (
        "names_reach_the_setting_that_reads_them",
        "ReceiveWebhookFunction.Environment.Variables.SECRET_PREFIX",
        {"Fn::Sub": "hunar/${Stage}"},
    ),
    (
        "each_function_may_do_what_the_golden_list_says",
        "ComputePayoutRole.Policies.0.PolicyDocument.Statement.4.Action",
        ["dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"],
    ),
    (
        "each_function_may_do_what_the_golden_list_says",
        "OperatorApiRole.Policies.0.PolicyDocument.Statement.1.Resource",
        {"Fn::GetAtt": ["OrdersTable", "Arn"]},
    ),
    ("each_function_may_do_what_the_golden_list_says", "RelayEffectsFunction.Role", {"Fn::GetAtt": ["OperatorApiRole", "Arn"]}),
    (
        "no_permission_is_wider_than_its_reason",
        "ReceiveWebhookRole.Policies.0.PolicyDocument.Statement.1.Action",
        "secretsmanager:*",
    ),
    ("no_permission_is_wider_than_its_reason", "ReceiveWebhookRole.Policies.0.PolicyDocument.Statement.1.Resource", "*"),
    (
        "no_permission_is_wider_than_its_reason",
        "ReceiveWebhookRole.ManagedPolicyArns",
        ["arn:aws:iam::aws:policy/AdministratorAccess"],
    ),
    (
        "no_permission_is_wider_than_its_reason",
        "NotifyGroupRole.AssumeRolePolicyDocument.Statement.0.Principal",
        {"AWS": "*"},
    ),
    ("no_permission_is_wider_than_its_reason", "NotifyGroupRole.Policies.0.PolicyDocument.Statement.0.NotAction", "s3:*"),
    ("no_permission_is_wider_than_its_reason", "RelayEffectsFunction.Role", {"Fn::GetAtt": ["OperatorApiRole", "Arn"]}),
    # SAM then makes a role of its own, with policies that AWS manages.
    ("no_permission_is_wider_than_its_reason", "ComputePayoutFunction.Role", DROP),
    (
        "no_secret_stands_in_the_template",
        "ReceiveWebhookFunction.Environment.Variables.SECRET",
        "9f86d081884c7d659a2feaa0c55ad015",
    ),
    ("no_secret_stands_in_the_template", "Api.Description", "AKIAIOSFODNN7EXAMPLE"),
    ("no_secret_stands_in_the_template", "//Parameters.AlarmEmail.Default", "somebody@example.org"),
    ("no_secret_stands_in_the_template", "NotifyGroupFunction.Environment.Variables.TO", "+919999900011"),
    *(
        ("every_way_to_fail_has_an_alarm", f"/{alarm}Alarm", DROP)
        for alarm in (
            "ApiServerErrors", "OrderEventsDeadLetter", "NotificationsDeadLetter", "PayoutsDeadLetter", "OrderEventsAge",
            "OperatorApiErrors", "RelayAge", "StockRelayFailure", "RelayLoss", "WebhookUnsigned", "WebhookOversize",
        )
    ),  # fmt: skip
    ("every_way_to_fail_has_an_alarm", "WebhookUnsignedAlarm.MetricName", "WebhookUnsignd"),
    ("every_way_to_fail_has_an_alarm", "WebhookUnsignedAlarm.Dimensions.0.Value", "receive_webhook"),
    (
        "every_way_to_fail_has_an_alarm",
        "PayoutsDeadLetterAlarm.Dimensions.0.Value",
        {"Fn::GetAtt": ["PayoutsQueue", "QueueName"]},
    ),
    ("an_alarm_goes_off_at_once_and_somebody_hears_it", "WebhookUnsignedAlarm.AlarmActions", DROP),
    ("an_alarm_goes_off_at_once_and_somebody_hears_it", "WebhookUnsignedAlarm.TreatMissingData", "breaching"),
    ("an_alarm_goes_off_at_once_and_somebody_hears_it", "PayoutsDeadLetterAlarm.Threshold", 10),
    ("an_alarm_goes_off_at_once_and_somebody_hears_it", "PayoutsDeadLetterAlarm.Statistic", "Average"),
    ("an_alarm_goes_off_at_once_and_somebody_hears_it", "PayoutsAgeAlarm.Threshold", 86400),
    ("an_alarm_goes_off_at_once_and_somebody_hears_it", "PayoutsAgeAlarm.EvaluationPeriods", 60),
    ("an_alarm_goes_off_at_once_and_somebody_hears_it", "RelayAgeAlarm.ComparisonOperator", "LessThanThreshold"),
    ("an_alarm_goes_off_at_once_and_somebody_hears_it", "/AlarmEmailSubscription", DROP),
    ("every_alarm_names_a_section_of_the_runbook", "RelayAgeAlarm.AlarmDescription", "Something is slow."),
    ("every_alarm_names_a_section_of_the_runbook", "RelayAgeAlarm.AlarmDescription", "Slow. docs/runbook.md#slow"),
    (
        "every_alarm_names_a_section_of_the_runbook",
        "RelayAgeAlarm.AlarmDescription",
        "Slow. docs/runbook.md#payouts-are-waiting",
    ),
    ("the_stack_says_where_everything_is", "//Outputs.LedgerTableName", DROP),
    ("the_stack_says_where_everything_is", "//Outputs.PayoutsQueueUrl.Value", {"Ref": "PayoutsDeadLetterQueue"}),
    ("the_stack_says_where_everything_is", "//Outputs.ApiUrl.Value", {"Ref": "Api"}),
    ("stacks_do_not_get_into_each_others_way", "OrdersTable.TableName", "orders"),
    ("stacks_do_not_get_into_each_others_way", "PayoutsQueue.QueueName", {"Fn::Sub": "hunar-${Stage}-payouts"}),
    ("stacks_do_not_get_into_each_others_way", "NotifyGroupFunction.FunctionName", "notify_group"),
    (
        "stacks_do_not_get_into_each_others_way",
        "NotifyGroupFunction.Environment.Variables.POWERTOOLS_SERVICE_NAME",
        "notify_group",
    ),
    ("only_an_emulator_goes_without_what_it_lacks", "/OrderHistoryQuery.Condition", DROP),
    ("only_an_emulator_goes_without_what_it_lacks", "/PayoutsDeadLetterAlarm.Condition", "OnAws"),
    ("only_an_emulator_goes_without_what_it_lacks", "//Conditions.OnAws", {"Fn::Equals": [{"Ref": "Emulated"}, "true"]}),
    ("only_an_emulator_goes_without_what_it_lacks", "//Parameters.Emulated.Default", "true"),
]
"""Where: ``Resource.Property…``; ``/Resource…`` is the resource itself, ``//Section…`` the template itself."""


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


@pytest.mark.parametrize(("name", "where", "into"), BREAKS, ids=[f"{name}-{where}" for name, where, _ in BREAKS])
def test_a_template_that_breaks_it_is_noticed(name: str, where: str, into: Any) -> None:
    kept = set(PROMISES[name](as_deployed()))
    assert set(PROMISES[name](changed(where, into))) - kept


def test_every_promise_has_been_broken_once() -> None:
    assert {name for name, _, _ in BREAKS} == set(PROMISES)


def test_every_metric_with_an_alarm_is_written_by_the_code() -> None:
    code = "".join(path.read_text() for root in ("functions", "layers/common/hunar") for path in _python(root))
    for metric in promises.METRICS:
        assert f'"{metric}"' in code, metric


def _python(root: str) -> list[Any]:
    return sorted((promises.ROOT / root).rglob("*.py"))


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
