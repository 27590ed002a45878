"""A log router's configuration, as text; the shapes are those that the ECS agent writes."""

import pytest

from bastide.model.assignment import LogOutput, LogRouter, RouterKind
from bastide.model.faults import Invalid
from bastide.plan.log_router import render_router_config

FIELDS = {"ecs_cluster": "c", "ecs_task_arn": "arn:x", "ecs_task_definition": "web:1"}
FLUENT_BIT = """
[INPUT]
    Name forward
    Mem_Buf_Limit 25MB
    unix_path /var/run/fluent.sock

[INPUT]
    Name forward
    Listen 127.0.0.1
    Port 24224

[INPUT]
    Name tcp
    Tag firelens-healthcheck
    Listen 127.0.0.1
    Port 8877

[FILTER]
    Name grep
    Match db-firelens*
    Regex log ^E

[FILTER]
    Name grep
    Match app-firelens*
    Exclude log ^noise .*

[FILTER]
    Name record_modifier
    Match *
    Record ecs_cluster c
    Record ecs_task_arn arn:x
    Record ecs_task_definition web:1
@INCLUDE /extra.conf

[OUTPUT]
    Name null
    Match firelens-healthcheck

[OUTPUT]
    Name http
    Match app-firelens*
    Host logs.example
    Password ${Password_0}
"""
FLUENTD = """<source>
    @type unix
    path /var/run/fluent.sock
</source>
<source>
    @type forward
    bind 127.0.0.1
    port 24224
</source>
<filter db-firelens**>
    @type grep
    <regexp>
        key log
        pattern ^E
    </regexp>
</filter>
<filter app-firelens**>
    @type grep
    <exclude>
        key log
        pattern ^noise .*
    </exclude>
</filter>
<filter **>
    @type record_transformer
    <record>
        ecs_cluster c
        ecs_task_arn arn:x
        ecs_task_definition web:1
    </record>
</filter>
@include /extra.conf
<match app-firelens**>
    @type http
    Host logs.example
    Password "#{ENV['Password_0']}"
</match>
"""


def router(kind: RouterKind, *, key: str, secret: str, memory_mib: int | None = None) -> LogRouter:
    app = {"exclude-pattern": "^noise .*", key: "http", "Password": secret, "Host": "logs.example"}
    outputs = (
        LogOutput(container="app", options=app),
        LogOutput(container="db", options={"include-pattern": "^E"}),
    )
    return LogRouter(kind=kind, outputs=outputs, fields=FIELDS, include="/extra.conf", memory_mib=memory_mib)


def test_fluent_bits() -> None:
    made = router(RouterKind.FLUENT_BIT, key="Name", secret="${Password_0}")
    assert render_router_config(made) == FLUENT_BIT


def test_fluentds() -> None:
    made = router(RouterKind.FLUENTD, key="@type", secret="\"#{ENV['Password_0']}\"")
    assert render_router_config(made) == FLUENTD


def test_the_buffer_is_half_of_the_routers_memory() -> None:
    made = router(RouterKind.FLUENT_BIT, key="Name", secret="x", memory_mib=101)
    assert "    Mem_Buf_Limit 50MB\n" in render_router_config(made)


@pytest.mark.parametrize(("kind", "key"), [("fluentd", "@type"), ("fluentbit", "Name")])
def test_options_that_name_no_plugin_are_refused_in_the_agents_words(kind: str, key: str) -> None:
    made = LogRouter(
        kind=RouterKind(kind), outputs=(LogOutput(container="app", options={"region": "us-east-1"}),)
    )
    with pytest.raises(Invalid) as raised:
        render_router_config(made)
    assert raised.value.why.endswith(
        f"unable to apply log options of container app to firelens config: missing output key {key} which is "
        f"required for firelens configuration of type {kind}"
    )


def test_without_metadata_there_is_no_such_filter() -> None:
    made = LogRouter(kind=RouterKind.FLUENT_BIT, outputs=(LogOutput(container="app", options={}),))
    text = render_router_config(made)
    assert "[FILTER]" not in text
    assert "@INCLUDE" not in text
    assert text.count("[OUTPUT]") == 1  # the image's own file says where records go
