"""Metric and subscription filters: recorded with their group; a pattern tried on messages."""

from typing import Any

import pytest

from bastide.model.faults import Invalid, LimitExceeded, NotFound

STREAM_ARN = "arn:aws:kinesis:eu-test-1:111122223333:stream/s"


def metric(name: str = "Errors", **members: Any) -> list[dict[str, Any]]:
    return [{"metricName": name, "metricNamespace": "App", "metricValue": "1", **members}]


async def put_metric(logs: Any, name: str, pattern: str = "ERROR", **members: Any) -> None:
    told = {"metricTransformations": metric(), **members}
    await logs.call("PutMetricFilter", logGroupName="app", filterName=name, filterPattern=pattern, **told)


async def test_a_metric_filter_is_recorded_counted_changed_and_deleted(logs: Any) -> None:
    await put_metric(logs, "errors")
    await put_metric(logs, "errors", "{ $.level = ERROR }")
    await put_metric(logs, "warnings", metricTransformations=metric("Warnings"))
    found = (await logs.call("DescribeMetricFilters", logGroupName="app"))["metricFilters"]
    assert [(one["filterName"], one["filterPattern"]) for one in found] == [
        ("errors", "{ $.level = ERROR }"),
        ("warnings", "ERROR"),
    ]
    assert found[0]["creationTime"] == logs.now_ms
    by_metric = await logs.call("DescribeMetricFilters", metricName="Warnings", metricNamespace="App")
    assert [one["filterName"] for one in by_metric["metricFilters"]] == ["warnings"]
    page = await logs.call("DescribeMetricFilters", limit=1)
    rest = await logs.call("DescribeMetricFilters", limit=1, nextToken=page["nextToken"])
    assert [one["filterName"] for one in rest["metricFilters"]] == ["warnings"]
    (group,) = (await logs.call("DescribeLogGroups"))["logGroups"]
    assert group["metricFilterCount"] == 2
    await logs.call("DeleteMetricFilter", logGroupName="app", filterName="errors")
    with pytest.raises(NotFound):
        await logs.call("DeleteMetricFilter", logGroupName="app", filterName="errors")
    await logs.call("DeleteLogGroup", logGroupName="app")
    assert (await logs.call("DescribeMetricFilters"))["metricFilters"] == []


async def test_subscription_filters_are_two_at_most(logs: Any) -> None:
    place = {"logGroupName": "app", "filterPattern": "", "destinationArn": STREAM_ARN}
    for name in ("a", "b", "b"):
        await logs.call("PutSubscriptionFilter", filterName=name, **place)
    with pytest.raises(LimitExceeded):
        await logs.call("PutSubscriptionFilter", filterName="c", **place)
    found = await logs.call("DescribeSubscriptionFilters", logGroupName="app", filterNamePrefix="b")
    assert found["subscriptionFilters"] == [
        {"filterName": "b", "creationTime": logs.now_ms, "distribution": "ByLogStream", **place}
    ]
    await logs.call("DeleteSubscriptionFilter", logGroupName="app", filterName="a")
    await logs.call("PutSubscriptionFilter", filterName="c", **place)


async def test_what_cannot_be_is_refused(logs: Any) -> None:
    for wrong in (
        {"pattern": "{ broken"},
        {"metricTransformations": metric(defaultValue=0.0, dimensions={"a": "$.a"})},
    ):
        with pytest.raises(Invalid):
            await put_metric(logs, "x", **wrong)
    with pytest.raises(Invalid):
        await logs.call("DescribeMetricFilters", metricName="Errors")
    with pytest.raises(Invalid):
        await logs.call(
            "PutSubscriptionFilter",
            logGroupName="app",
            filterName="a",
            filterPattern="",
            destinationArn="arn:aws:s3:::bucket",
        )


async def test_a_pattern_is_tried_on_messages(logs: Any) -> None:
    result = await logs.call(
        "TestMetricFilter",
        filterPattern='{ $.n > 1 || $.name = "x*" }',
        logEventMessages=['{"n": 1}', '{"n": 2}', "text", '{"name": "xy"}'],
    )
    assert [(one["eventNumber"], one["eventMessage"]) for one in result["matches"]] == [
        (2, '{"n": 2}'),
        (4, '{"name": "xy"}'),
    ]
