"""From two words of a user's, whatever they name, to the whole way between the two, and whether it is open.

Knows beside a VPC's rules what the host's guard and the router do: what is out of reach whatever groups
allow, and what is answered whatever they forbid. Pure.
"""

from collections.abc import Iterable, Mapping
from ipaddress import AddressValueError, IPv4Address, IPv4Network

import msgspec

from bastide.model.faults import Conflict, Invalid, NotFound
from bastide.model.network import API_IP, METADATA_IP, Interface, VpcState, host_address, vpc_resolver
from bastide.model.network.names import LINK_LOCAL_RESOLVER
from bastide.model.network.parts import TCP
from bastide.plan.paths.way import Step, explain, explain_answer
from bastide.plan.paths.words import Packets

INTERNET, HOST = "internet", "host"  # what may be written for an address outside
SOMEWHERE = "198.51.100.1"  # RFC 5737: stands for the internet
LINK_LOCAL = IPv4Network("169.254.0.0/16")
RESOLVER_PORT, METADATA_PORT = 53, 80


class End(msgspec.Struct, frozen=True, kw_only=True):
    """One end of a way: an interface of a VPC, or an address that is of none."""

    address: str  # as it is inside the VPC
    interface: Interface | None = None
    vpc_id: str = ""
    is_public: bool = False  # it was named by its public address

    def __str__(self) -> str:
        if self.interface is None:
            return self.address
        task = f"task {self.interface.task_id}, " if self.interface.task_id else ""
        return f"{self.address} ({task}{self.interface.id} in {self.vpc_id})"


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a flow between two ends."""

    source: End
    target: End
    steps: list[Step]
    answer: list[Step] = []  # empty when nothing arrived

    @property
    def is_open(self) -> bool:
        """Whether the flow arrives and its answer comes back."""
        return self.steps[-1].passes and bool(self.answer) and self.answer[-1].passes


def find_journey(
    states: Mapping[str, VpcState], source: str, target: str, flow: Packets, *, pool: IPv4Network
) -> Journey:
    """The way between what the two words name; `flow` says only what travels.

    A word is a task (its id, the beginning of it, its ARN), an interface, an address, `internet` or `host`.
    """
    begin = _find_end(states, source, pool, near="")
    end = _find_end(states, target, pool, near=begin.vpc_id)
    if not begin.vpc_id and not end.vpc_id:
        why = f"Neither {source} nor {target} is a task, an interface or an address of a VPC here."
        raise Invalid("path", why=why)
    flow = msgspec.structs.replace(flow, source=begin.address, destination=end.address)
    special = _beyond_the_rules(states, begin, end, flow, pool)
    if special is not None:
        answer = [Step(True, "the answer comes the same way")] if special.passes else []
        return Journey(source=begin, target=end, steps=[special], answer=answer)
    state = states[begin.vpc_id or end.vpc_id]
    steps = explain(state, flow)
    if not begin.vpc_id and begin.address != str(host_address(pool)):
        steps.insert(0, Step(True, "from beyond this host it needs a route here, or `bastide publish`"))
    answer = explain_answer(state, flow) if steps[-1].passes else []
    return Journey(source=begin, target=end, steps=steps, answer=answer)


def _beyond_the_rules(
    states: Mapping[str, VpcState], begin: End, end: End, flow: Packets, pool: IPv4Network
) -> Step | None:
    """What no group, ACL or route decides; None where they do."""
    if not begin.vpc_id:
        return None
    state, address = states[begin.vpc_id], IPv4Address(end.address)
    resolvers = {LINK_LOCAL_RESOLVER, str(vpc_resolver(IPv4Network(state.vpc.cidrs[0])))}
    if end.address in resolvers:
        is_look_up = flow.has_ports and flow.port == RESOLVER_PORT
        text = "the VPC's resolver answers look-ups (port 53), whatever groups and ACLs say, and nothing else"
        return Step(is_look_up, text)
    if end.address == API_IP:
        text = "the API answers TCP at its two ports, whatever groups and ACLs say, and nothing else"
        return Step(flow.protocol == TCP, text)
    if end.address == METADATA_IP:
        is_asked = flow.protocol == TCP and flow.port == METADATA_PORT
        text = "the task endpoint answers HTTP (port 80), whatever groups and ACLs say, and nothing else"
        return Step(is_asked, text)
    if address in LINK_LOCAL:
        return Step(False, "169.254.0.0/16 is refused: a task reaches no instance metadata")
    if end.is_public or address in pool:
        text = "a public address is reached from outside; tasks reach each other by private ones"
        return Step(False, text)
    if end.vpc_id and end.vpc_id != begin.vpc_id:
        return Step(False, f"{begin.vpc_id} and {end.vpc_id} are two networks that never meet")
    for one in (begin.interface, end.interface):
        if one and not one.owner:
            return Step(
                False,
                f"{one.id} is no task's interface, nor a VPC endpoint's: nobody speaks or listens there",
            )
    if end.interface is None and any(address in IPv4Network(cidr) for cidr in state.vpc.cidrs):
        return Step(False, f"nobody in {begin.vpc_id} has the address {end.address}")
    return None


def _find_end(states: Mapping[str, VpcState], word: str, pool: IPv4Network, *, near: str) -> End:
    if word in (INTERNET, HOST):
        return End(address=SOMEWHERE if word == INTERNET else str(host_address(pool)))
    try:
        address = str(IPv4Address(word))
    except AddressValueError:
        return _only(word, _named(states, word))
    found = list(_addressed(states, address))
    here = [end for end in found if near in ("", end.vpc_id) or end.is_public]
    return _only(word, here) if here else End(address=address)


def _named(states: Mapping[str, VpcState], word: str) -> Iterable[End]:
    task_id = word.rsplit("/", 1)[-1]
    for state in states.values():
        for one in state.interfaces.values():
            if one.id == word or (one.task_id and task_id and one.task_id.startswith(task_id)):
                yield End(address=one.addresses[0].private_ip, interface=one, vpc_id=state.vpc.id)


def _addressed(states: Mapping[str, VpcState], address: str) -> Iterable[End]:
    for state in states.values():
        for one in state.interfaces.values():
            for pair in one.addresses:
                if address in (pair.private_ip, pair.public_ip):
                    yield End(
                        address=pair.private_ip,
                        interface=one,
                        vpc_id=state.vpc.id,
                        is_public=address == pair.public_ip,
                    )


def _only(word: str, found: Iterable[End]) -> End:
    ends = list(found)
    if not ends:
        why = f"{word} names no task that has an interface, no interface and no address."
        raise NotFound("end", word, why=why)
    if len(ends) > 1:
        what = ", ".join(str(end) for end in ends)
        raise Conflict("end", word, why=f"{word} means more than one: {what}")
    return ends[0]
