"""A log router's configuration, as the ECS agent writes it for Fluent Bit and for fluentd: text, from values.

Inputs come first (the socket that this host writes to, and a port for programs of the task), then filters,
the image's own file, and an output for each container that names a plugin. A tag says whose a record is.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from bastide.model.assignment import LogOutput, LogRouter, RouterKind
from bastide.model.container.log_routing import FORWARD_PORT
from bastide.model.faults import Invalid

SOCKET_FOLDER = "/var/run"
SOCKET_NAME = "fluent.sock"
CONFIG_PATHS = {
    RouterKind.FLUENTD: "/fluentd/etc/fluent.conf",
    RouterKind.FLUENT_BIT: "/fluent-bit/etc/fluent-bit.conf",
}
LISTEN = "127.0.0.1"  # the task's own containers share it, nobody else has it
HEALTH_TAG, HEALTH_PORT = "firelens-healthcheck", 8877  # a Fluent Bit's: what comes there goes nowhere
BUFFER_DEFAULT_MIB = 25  # of a router whose memory nobody limits
PLUGIN_OPTION = {RouterKind.FLUENTD: "@type", RouterKind.FLUENT_BIT: "Name"}
_ALL = {RouterKind.FLUENTD: "**", RouterKind.FLUENT_BIT: "*"}
_PATTERNS = {"include-pattern": "regexp", "exclude-pattern": "exclude"}  # of the text in `log`


class _Output(NamedTuple):
    plugin: str
    tag: str
    options: Mapping[str, str]


def render_router_config(router: LogRouter) -> str:
    """The whole file. Invalid, in the ECS agent's words, for options that name no plugin."""
    render = _fluentd if router.kind is RouterKind.FLUENTD else _fluent_bit
    return "\n".join(render(router)) + "\n"


def _fluent_bit(router: LogRouter) -> Iterator[str]:
    limit_mib = (router.memory_mib or 0) // 2 or BUFFER_DEFAULT_MIB
    socket = {"Mem_Buf_Limit": f"{limit_mib}MB", "unix_path": f"{SOCKET_FOLDER}/{SOCKET_NAME}"}
    yield from _section("INPUT", {"Name": "forward", **socket})
    yield from _section("INPUT", {"Name": "forward", "Listen": LISTEN, "Port": str(FORWARD_PORT)})
    port = {"Listen": LISTEN, "Port": str(HEALTH_PORT)}
    yield from _section("INPUT", {"Name": "tcp", "Tag": HEALTH_TAG, **port})
    for tag, kind, pattern in _filters(router):
        verb = "Regex" if kind == "regexp" else "Exclude"
        yield from _section("FILTER", {"Name": "grep", "Match": tag, verb: f"log {pattern}"})
    if router.fields:
        records = {f"Record {name}": value for name, value in router.fields.items()}
        yield from _section("FILTER", {"Name": "record_modifier", "Match": "*", **records})
    if router.include:
        yield f"@INCLUDE {router.include}"
    yield from _section("OUTPUT", {"Name": "null", "Match": HEALTH_TAG})
    for output in _outputs(router):
        own = {"Name": output.plugin, "Match": output.tag}
        yield from _section("OUTPUT", own | dict(sorted(output.options.items())))


def _section(name: str, members: Mapping[str, str]) -> Iterator[str]:
    yield from ("", f"[{name}]", *(f"    {key} {value}" for key, value in members.items()))


def _fluentd(router: LogRouter) -> Iterator[str]:
    yield from _element("source", "", {"@type": "unix", "path": f"{SOCKET_FOLDER}/{SOCKET_NAME}"})
    yield from _element("source", "", {"@type": "forward", "bind": LISTEN, "port": str(FORWARD_PORT)})
    for tag, kind, pattern in _filters(router):
        inner = _element(kind, "", {"key": "log", "pattern": pattern})
        yield from _element("filter", tag, {"@type": "grep"}, inner)
    if router.fields:
        inner = _element("record", "", router.fields)
        yield from _element("filter", "**", {"@type": "record_transformer"}, inner)
    if router.include:
        yield f"@include {router.include}"
    for output in _outputs(router):
        options = dict(sorted(output.options.items()))
        yield from _element("match", output.tag, {"@type": output.plugin, **options})


def _element(
    name: str, tag: str, members: Mapping[str, str], inner: Iterator[str] | tuple[str, ...] = ()
) -> Iterator[str]:
    yield f"<{name} {tag}>" if tag else f"<{name}>"
    yield from (f"    {line}" for line in (*(f"{key} {value}" for key, value in members.items()), *inner))
    yield f"</{name}>"


def _filters(router: LogRouter) -> Iterator[tuple[str, str, str]]:
    """Tag, kind and pattern of each; what is to stay before what is to go, as the agent has them."""
    for option, kind in _PATTERNS.items():
        for output in router.outputs:
            if option in output.options:
                yield _tag(router, output), kind, output.options[option]


def _outputs(router: LogRouter) -> Iterator[_Output]:
    """Of the containers that name a plugin; those without options leave it to the image's own file."""
    key = PLUGIN_OPTION[router.kind]
    for output in router.outputs:
        options = {name: value for name, value in output.options.items() if name not in (key, *_PATTERNS)}
        if key in output.options:
            yield _Output(output.options[key], _tag(router, output), options)
        elif options:
            why = (
                "unable to generate firelens config file: unable to generate firelens config: unable to "
                f"apply log options of container {output.container} to firelens config: missing output key "
                f"{key} which is required for firelens configuration of type {router.kind}"
            )
            raise Invalid("options", output.container, why=why)


def _tag(router: LogRouter, output: LogOutput) -> str:
    return f"{output.container}-firelens{_ALL[router.kind]}"
