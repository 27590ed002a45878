"""Every rule of RegisterTaskDefinition about log routers: what is refused, and in which words."""

import pytest

from bastide.api.ecs.checks.task_definitions import check_task_definition
from bastide.api.failures import row_for
from bastide.model.faults import Fault
from tests.unit.api.ecs.requests import Members, logs, one, request, several

REFUSED: list[tuple[Members, str]] = [
    (
        one(**logs("awsfirelens")),
        "When awsfirelens log driver is specified in log configuration, a firelens configuration object must "
        "be configured in one of the containers.",
    ),
    (
        one(firelensConfiguration={"type": "fluentbit"}),
        "When a firelensConfiguration object is specified, at least one container has to be configured with "
        "the awsfirelens log driver.",
    ),
    *(
        (one(**logs("awsfirelens", **{"log-driver-buffer-limit": limit})), "less than 536870912")
        for limit in ("536870912", "-1", "many")
    ),
    (one(**logs("awsfirelens", mode="sometimes")), "[blocking,non-blocking]"),
    (
        one(firelensConfiguration={"type": "fluentbit", "options": {"config-file-type": "file"}}),
        "option config-file-type is specified but config-file-value is not specified",
    ),
    (
        one(firelensConfiguration={"type": "fluentbit", "options": {"config-file": "/x"}}),
        "disallows options: config-file",
    ),
    (
        several(
            {"firelensConfiguration": {"type": "fluentbit"}}, {"firelensConfiguration": {"type": "fluentd"}}
        ),
        "only one container with a firelensConfiguration",
    ),
    (
        one(firelensConfiguration={"type": "fluentbit", "options": {"config-file-type": "s3"}}),
        "only support the firelens config-file-type 'file'",
    ),
    (
        one(firelensConfiguration={"type": "fluentbit", "options": {"config-file-type": "http"}}),
        "must be file or s3",
    ),
]


@pytest.mark.parametrize(("members", "words"), REFUSED, ids=lambda value: str(value)[:60])
def test_it_is_refused_in_these_words(members: Members, words: str) -> None:
    with pytest.raises(Fault) as caught:
        check_task_definition(request(members))
    row = row_for("ecs", caught.value)
    assert row is not None
    assert row.code == "ClientException"
    assert words in row.message


@pytest.mark.parametrize("limit", ["0", "1", "536870911"])
def test_a_limit_of_lines_within_awss_range_is_taken(limit: str) -> None:
    app = logs("awsfirelens", **{"log-driver-buffer-limit": limit})
    check_task_definition(request(several(app, {"firelensConfiguration": {"type": "fluentd"}})))
