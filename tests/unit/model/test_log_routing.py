"""FireLens in a task definition: who starts after whom, what reaches the router of the others' options."""

from typing import Any

from bastide.model.assignment import (
    Condition,
    Container,
    Dependency,
    LogOutput,
    LogRouter,
    RoutedLog,
    RouterKind,
    SecretReference,
)
from bastide.model.task_definition import containers_of

TASK_ID = "0123456789abcdef0123456789abcdef"
ARN = f"arn:aws:ecs:us-east-1:000000000000:task/blue/{TASK_ID}"


def made(*containers: dict[str, Any]) -> list[Container]:
    task = {
        "taskArn": ARN,
        "clusterArn": "arn:aws:ecs:us-east-1:000000000000:cluster/blue",
        "taskDefinitionArn": "arn:aws:ecs:us-east-1:000000000000:task-definition/web:3",
        "containers": [{"name": one["name"], "containerArn": ""} for one in containers],
    }
    definition = {"containerDefinitions": [{"image": "i", **one} for one in containers]}
    return list(containers_of(definition, task))


def app(name: str = "app", secrets: dict[str, str] | None = None, **options: str) -> dict[str, Any]:
    options = {key.replace("_", "-"): value for key, value in options.items()}
    log: dict[str, Any] = {"logDriver": "awsfirelens", "options": options}
    if secrets:
        log["secretOptions"] = [{"name": key, "valueFrom": text} for key, text in secrets.items()]
    return {"name": name, "logConfiguration": log}


def router(kind: str = "fluentbit", depends_on: str = "", **options: str) -> dict[str, Any]:
    options = {key.replace("_", "-"): value for key, value in options.items()}
    depends = [{"containerName": depends_on, "condition": "START"}] if depends_on else []
    configuration = {"type": kind, "options": options}
    return {"name": "router", "dependsOn": depends, "firelensConfiguration": configuration}


def router_of(container: Container) -> LogRouter:
    assert container.router is not None
    return container.router


def test_the_app_starts_after_the_router_and_is_told_where_it_listens() -> None:
    one, two = made(app(Name="stdout"), router())
    assert one.depends_on == (Dependency("router", Condition.START),)
    assert one.environment == {"FLUENT_HOST": "127.0.0.1", "FLUENT_PORT": "24224"}
    assert one.routed_log == RoutedLog(tag=f"app-firelens-{TASK_ID}", buffer_bytes=10 * 1024 * 1024)
    assert (one.log, one.router) == (None, None)
    assert (two.routed_log, two.depends_on, two.environment) == (None, (), {})
    assert router_of(two) == LogRouter(
        kind=RouterKind.FLUENT_BIT,
        outputs=(LogOutput(container="app", options={"Name": "stdout"}),),
        fields={"ecs_cluster": "blue", "ecs_task_arn": ARN, "ecs_task_definition": "web:3"},
    )


def test_an_order_of_the_users_own_is_kept() -> None:
    waits = {**app(), "dependsOn": [{"containerName": "router", "condition": "HEALTHY"}]}
    one, _ = made(waits, router())
    assert one.depends_on == (Dependency("router", Condition.HEALTHY),)
    one, two = made(app(), router(depends_on="app"))
    assert one.depends_on == ()
    assert two.depends_on == (Dependency("app", Condition.START),)


def test_whoever_logs_elsewhere_waits_for_nobody() -> None:
    one, other, _ = made(app(), {"name": "other"}, router())
    assert one.depends_on
    assert (other.depends_on, other.environment, other.routed_log) == ((), {}, None)


def test_the_drivers_own_options_stay_out_of_the_configuration() -> None:
    driven = app(Name="stdout", mode="blocking", log_driver_buffer_limit="500", max_buffer_size="1m")
    one, two = made(driven, router())
    assert one.routed_log == RoutedLog(tag=f"app-firelens-{TASK_ID}", blocking=True, buffer_lines=500)
    assert router_of(two).outputs[0].options == {"Name": "stdout"}


def test_a_secret_option_reaches_the_router_by_its_environment() -> None:
    first, second = app("a", {"key": "/one"}, Name="x"), app("b", {"key": "/two"}, Name="x")
    *_, router_found = made(first, second, router())
    assert router_found.secrets == (SecretReference("key_0", "/one"), SecretReference("key_1", "/two"))
    assert [one.options["key"] for one in router_of(router_found).outputs] == ["${key_0}", "${key_1}"]
    *_, router_found = made(app("a", {"key": "/one"}), router("fluentd"))
    assert router_of(router_found).outputs[0].options["key"] == "\"#{ENV['key_0']}\""
    assert router_found.environment == {"FLUENT_UID": "0"}


def test_the_routers_options() -> None:
    *_, found = made(app(), router(enable_ecs_log_metadata="false"))
    assert router_of(found).fields == {}
    *_, found = made(app(), router(config_file_type="file", config_file_value="/own.conf"))
    assert router_of(found).include == "/own.conf"


def test_the_router_may_log_to_itself() -> None:
    itself = {**router(), "logConfiguration": {"logDriver": "awsfirelens"}}
    (found,) = made(itself)
    assert found.depends_on == ()
    assert found.routed_log is not None
    assert router_of(found).outputs == (LogOutput(container="router", options={}),)
