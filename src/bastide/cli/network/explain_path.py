"""`bastide explain-path FROM TO PORT`: which rule lets packets pass, or stops them, in words."""

import argparse
from collections.abc import Iterator

from bastide.cli.commands import Command, say
from bastide.cli.operator.client import ask
from bastide.config import Settings
from bastide.model.faults import Invalid
from bastide.model.messages.asked import SHOW_NETWORK, NetworkAsked
from bastide.model.network import assemble_vpcs, public_pool
from bastide.model.network.publication import parse_host_port
from bastide.model.network.records import PROTOCOLS
from bastide.plan.paths.journey import Journey, find_journey
from bastide.plan.paths.way import Step
from bastide.plan.paths.words import Packets, describe_flow

NOT_OPEN = 1
ICMP = "icmp"


def explain_path(settings: Settings, args: argparse.Namespace) -> int:
    """Say it step by step; the exit code is 0 when the flow arrives and its answer comes back."""
    flow = parse_flow(args.port)
    states = assemble_vpcs(ask(settings, SHOW_NETWORK, NetworkAsked()).parts)
    pool = public_pool(settings.instance, settings.public_pool)
    journey = find_journey(states, args.source, args.target, flow, pool=pool)
    for line in render_journey(journey, flow):
        say(line)
    return 0 if journey.is_open else NOT_OPEN


def parse_flow(text: str) -> Packets:
    """`5432`, `53/udp` or `icmp`; between whom is not said."""
    if text == ICMP:
        return Packets("", "", PROTOCOLS[ICMP])
    try:
        port = parse_host_port(text)
    except Invalid as error:
        raise Invalid("port", text, why=f"{text} is no port. Write 5432, 53/udp or icmp.") from error
    return Packets("", "", PROTOCOLS[port.protocol], port.port)


def render_journey(journey: Journey, flow: Packets) -> Iterator[str]:
    """As it is shown."""
    yield f"{describe_flow(flow)} from {journey.source} to {journey.target}"
    yield from map(_render, journey.steps)
    if not journey.steps[-1].passes:
        yield "It does not arrive."
        return
    yield "The answer:"
    yield from map(_render, journey.answer)
    yield (
        "It arrives, and the answer comes back."
        if journey.is_open
        else "It arrives, but the answer does not come back."
    )


def _render(step: Step) -> str:
    return f"  {'passes' if step.passes else 'STOPS '}  {step.text}"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    ends = "a task, an interface, an address, `internet` or `host`"
    parser.add_argument("source", metavar="from", help=f"who sends: {ends}")
    parser.add_argument("target", metavar="to", help=f"who is sent to: {ends}")
    parser.add_argument("port", help="5432, 53/udp or icmp")


COMMANDS = (
    Command(
        "explain-path",
        "which rule lets packets pass from one place to another, or stops them",
        explain_path,
        _add_arguments,
        needs_root=False,
    ),
)
