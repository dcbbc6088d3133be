"""Keys, roles, queues, topics, functions, state machines, and what watches them."""

from __future__ import annotations

from typing import Any

from tests.deploy.applied.kind import Body, Kind, given, nothing, of_answer, one


def _alarm(values: Body) -> Body:
    dimensions = [{"Name": name, "Value": value} for name, value in (values["dimensions"] or {}).items()]
    return given(
        AlarmName=values["alarm_name"], AlarmDescription=values["alarm_description"],
        AlarmActions=values["alarm_actions"], OKActions=values["ok_actions"],
        ComparisonOperator=values["comparison_operator"], EvaluationPeriods=values["evaluation_periods"],
        DatapointsToAlarm=values["datapoints_to_alarm"], TreatMissingData=values["treat_missing_data"],
        MetricName=values["metric_name"], Namespace=values["namespace"], Period=values["period"],
        Statistic=values["statistic"], ExtendedStatistic=values["extended_statistic"], Dimensions=dimensions,
        Metrics=[_metric(query) for query in values["metric_query"] or []],
    ) | {"Threshold": float(values["threshold"])}  # fmt: skip


def _metric(query: Body) -> Body:
    metric = one(query, "metric")
    dimensions = [{"Name": name, "Value": value} for name, value in (metric.get("dimensions") or {}).items()]
    stat = metric and {
        "Metric": given(MetricName=metric["metric_name"], Namespace=metric["namespace"], Dimensions=dimensions),
        "Period": metric["period"],
        "Stat": metric["stat"],
    }
    return given(
        Id=query["id"], Expression=query["expression"], Label=query["label"], MetricStat=stat,
    ) | {"ReturnData": bool(query["return_data"])}  # fmt: skip


def _composite(values: Body) -> Body:
    return given(
        AlarmName=values["alarm_name"], AlarmDescription=values["alarm_description"], AlarmRule=values["alarm_rule"],
        AlarmActions=values["alarm_actions"], OKActions=values["ok_actions"],
    )  # fmt: skip


def _queue(values: Body) -> Body:
    attributes = given(
        KmsMasterKeyId=values["kms_master_key_id"],
        MessageRetentionPeriod=values["message_retention_seconds"],
        VisibilityTimeout=values["visibility_timeout_seconds"] or None,
        DelaySeconds=values["delay_seconds"] or None,
        RedrivePolicy=values["redrive_policy"] if "deadLetterTargetArn" in str(values["redrive_policy"]) else None,
    )
    return {"QueueName": values["name"], "Attributes": {name: str(value) for name, value in attributes.items()}}


def _queue_attribute(attribute: str, argument: str, kind: str) -> Kind:
    return Kind(
        kind, "sqs", "set_queue_attributes",
        lambda values: {"QueueUrl": values["queue_url"], "Attributes": {attribute: values[argument]}},
        "get_queue_attributes", lambda request, _: {"QueueUrl": request["QueueUrl"], "AttributeNames": ["All"]},
        lambda response: response["Attributes"], lambda request: request["Attributes"],
    )  # fmt: skip


def _function(values: Body) -> Body:
    return given(
        FunctionName=values["function_name"], Role=values["role"], PackageType=values["package_type"],
        Code={"ImageUri": values["image_uri"]}, ImageConfig={"Command": one(values, "image_config")["command"]},
        Timeout=values["timeout"], MemorySize=values["memory_size"], Description=values["description"],
        Environment={"Variables": one(values, "environment")["variables"]}, KMSKeyArn=values["kms_key_arn"],
        Architectures=values["architectures"],
    )  # fmt: skip


def _mapping(values: Body) -> Body:
    scaling = one(values, "scaling_config")
    return given(
        EventSourceArn=values["event_source_arn"], FunctionName=values["function_name"], BatchSize=values["batch_size"],
        FunctionResponseTypes=values["function_response_types"],
        ScalingConfig=given(MaximumConcurrency=scaling.get("maximum_concurrency")),
    )  # fmt: skip


def _mapped(response: Body) -> Body:
    [mapping] = response["EventSourceMappings"]
    return {**mapping, "FunctionName": mapping["FunctionArn"]}


def _filter(values: Body) -> Body:
    made = one(values, "metric_transformation")
    transformation = given(
        metricName=made["name"], metricNamespace=made["namespace"], metricValue=made["value"],
        defaultValue=float(made["default_value"]) if made["default_value"] else None,
    )  # fmt: skip
    return {
        "logGroupName": values["log_group_name"], "filterName": values["name"], "filterPattern": values["pattern"],
        "metricTransformations": [transformation],
    }  # fmt: skip


def _first(name: str) -> Any:
    return lambda response: response[name][0] if response[name] else {}


_IDENTITY = (
    Kind(
        "aws_kms_key", "kms", "create_key",
        lambda values: {"Description": values["description"], "Policy": values["policy"]},
        "list_keys", nothing, nothing, nothing,
    ),
    Kind(
        "aws_iam_policy", "iam", "create_policy",
        lambda values: {"PolicyName": values["name"], "PolicyDocument": values["policy"]},
        "get_account_authorization_details", lambda *_: {"Filter": ["LocalManagedPolicy"]},
        lambda response: {
            policy["PolicyName"]: policy["PolicyVersionList"][0]["Document"] for policy in response["Policies"]
        },
        lambda request: {request["PolicyName"]: request["PolicyDocument"]},
    ),
    Kind(
        "aws_iam_role", "iam", "create_role",
        lambda values: given(
            RoleName=values["name"], AssumeRolePolicyDocument=values["assume_role_policy"],
            Description=values["description"], PermissionsBoundary=values["permissions_boundary"],
        ),
        "get_role", lambda request, _: {"RoleName": request["RoleName"]}, lambda response: response["Role"],
        lambda request: {name: value for name, value in request.items() if name != "PermissionsBoundary"},
    ),
    Kind(
        "aws_iam_role_policy", "iam", "put_role_policy",
        lambda values: {
            "RoleName": values["role"], "PolicyName": values["name"], "PolicyDocument": values["policy"],
        },
        "get_role_policy", lambda request, _: {"RoleName": request["RoleName"], "PolicyName": request["PolicyName"]},
        lambda response: response,
    ),
    Kind(
        "aws_iam_role_policy_attachment", "iam", "attach_role_policy",
        lambda values: {"RoleName": values["role"], "PolicyArn": values["policy_arn"]},
        "list_attached_role_policies", lambda request, _: {"RoleName": request["RoleName"]},
        lambda response: {one["PolicyArn"]: one for one in response["AttachedPolicies"]},
        lambda request: {request["PolicyArn"]: {"PolicyArn": request["PolicyArn"]}},
    ),
    Kind(
        "aws_secretsmanager_secret", "secretsmanager", "create_secret",
        lambda values: {
            "Name": values["name"], "Description": values["description"], "KmsKeyId": values["kms_key_id"],
        },
        "describe_secret", lambda request, _: {"SecretId": request["Name"]}, lambda response: response,
    ),
)  # fmt: skip
_MESSAGES = (
    Kind(
        "aws_sns_topic", "sns", "create_topic",
        lambda values: {"Name": values["name"], "Attributes": {"KmsMasterKeyId": values["kms_master_key_id"]}},
        "get_topic_attributes", of_answer("TopicArn"),
        lambda response: response["Attributes"], lambda request: request["Attributes"],
    ),
    Kind(
        "aws_sns_topic_policy", "sns", "set_topic_attributes",
        lambda values: {
            "TopicArn": values["arn"], "AttributeName": "Policy", "AttributeValue": values["policy"],
        },
        "get_topic_attributes", lambda request, _: {"TopicArn": request["TopicArn"]},
        lambda response: response["Attributes"], lambda request: {"Policy": request["AttributeValue"]},
    ),
    Kind(
        "aws_sns_topic_subscription", "sns", "subscribe",
        lambda values: {
            "TopicArn": values["topic_arn"], "Protocol": values["protocol"], "Endpoint": values["endpoint"],
        },
        "list_subscriptions_by_topic", lambda request, _: {"TopicArn": request["TopicArn"]}, _first("Subscriptions"),
    ),
    Kind(
        "aws_sqs_queue", "sqs", "create_queue", _queue,
        "get_queue_attributes", lambda _, answer: {"QueueUrl": answer["QueueUrl"], "AttributeNames": ["All"]},
        lambda response: response["Attributes"], lambda request: request["Attributes"],
    ),
    _queue_attribute("Policy", "policy", "aws_sqs_queue_policy"),
    _queue_attribute("RedriveAllowPolicy", "redrive_allow_policy", "aws_sqs_queue_redrive_allow_policy"),
    Kind(
        "aws_lambda_function", "lambda", "create_function", _function,
        "get_function", lambda request, _: {"FunctionName": request["FunctionName"]},
        lambda response: {
            **response["Configuration"], "Code": response["Code"],
            "ImageConfig": response["Configuration"].get("ImageConfigResponse", {}).get("ImageConfig"),
        },
    ),
    Kind(
        "aws_lambda_event_source_mapping", "lambda", "create_event_source_mapping", _mapping,
        "list_event_source_mappings", lambda request, _: {"EventSourceArn": request["EventSourceArn"]}, _mapped,
    ),
)  # fmt: skip
_WATCHING = (
    Kind(
        "aws_cloudwatch_log_group", "logs", "create_log_group",
        lambda values: {"logGroupName": values["name"], "kmsKeyId": values["kms_key_id"]},
        "describe_log_groups", lambda request, _: {"logGroupNamePrefix": request["logGroupName"]}, _first("logGroups"),
    ),
    Kind(
        "aws_cloudwatch_log_group", "logs", "put_retention_policy",
        lambda values: {"logGroupName": values["name"], "retentionInDays": values["retention_in_days"]},
        "describe_log_groups", lambda request, _: {"logGroupNamePrefix": request["logGroupName"]}, _first("logGroups"),
    ),
    Kind(
        "aws_cloudwatch_log_metric_filter", "logs", "put_metric_filter", _filter,
        "describe_metric_filters",
        lambda request, _: {"logGroupName": request["logGroupName"], "filterNamePrefix": request["filterName"]},
        _first("metricFilters"),
    ),
    Kind(
        "aws_cloudwatch_metric_alarm", "cloudwatch", "put_metric_alarm", _alarm,
        "describe_alarms", lambda request, _: {"AlarmNames": [request["AlarmName"]]}, _first("MetricAlarms"),
    ),
    Kind(
        "aws_cloudwatch_composite_alarm", "cloudwatch", "put_composite_alarm", _composite,
        "describe_alarms",
        lambda request, _: {"AlarmNames": [request["AlarmName"]], "AlarmTypes": ["CompositeAlarm"]},
        _first("CompositeAlarms"),
    ),
    Kind(
        "aws_cloudwatch_dashboard", "cloudwatch", "put_dashboard",
        lambda values: {"DashboardName": values["dashboard_name"], "DashboardBody": values["dashboard_body"]},
        "get_dashboard", lambda request, _: {"DashboardName": request["DashboardName"]}, lambda response: response,
    ),
    Kind(
        "aws_cloudwatch_event_rule", "events", "put_rule",
        lambda values: {
            "Name": values["name"], "EventPattern": values["event_pattern"], "Description": values["description"],
        },
        "describe_rule", lambda request, _: {"Name": request["Name"]}, lambda response: response,
    ),
    Kind(
        "aws_sfn_state_machine", "stepfunctions", "create_state_machine",
        lambda values: given(
            name=values["name"], definition=values["definition"], roleArn=values["role_arn"], type=values["type"]
        ),
        "describe_state_machine", of_answer("stateMachineArn"), lambda response: response,
    ),
)  # fmt: skip
KINDS = (*_IDENTITY, *_MESSAGES, *_WATCHING)
