"""Where the API is inside a VPC: at its own address if there is one, and at the VPC endpoints there are."""

from msgspec.structs import replace

from bastide.agent.network.api_access import ApiAccess
from bastide.agent.network.names import Names
from bastide.model.network import Address, Endpoint, Interface, VpcState, mac_of, public_pool
from bastide.plan.resolution import resolve
from tests.assignments import ENI, assignment
from tests.fakes.api_proxies import FakeApiProxies
from tests.fakes.resolvers import FakeResolvers
from tests.vpcs import open_vpcs

TASK = assignment()
STATE = open_vpcs({TASK.task_id: ENI})[ENI.vpc_id]
DOORS = [
    Interface(
        id=f"eni-{number}",
        vpc_id=ENI.vpc_id,
        subnet_id=ENI.subnet_id,
        mac=mac_of(f"eni-{number}"),
        addresses=(Address(f"172.31.0.{number}"),),
        endpoint_id="vpce-1",
    )
    for number in (8, 9)
]


def with_endpoint(*doors: Interface) -> VpcState:
    names = ("vpce-1.logs.us-east-1.vpce.amazonaws.com", "logs.us-east-1.amazonaws.com")
    ids = tuple(one.id for one in doors)
    endpoint = Endpoint(id="vpce-1", vpc_id=ENI.vpc_id, names=names, interface_ids=ids)
    interfaces = STATE.interfaces | {one.id: one for one in doors}
    return replace(STATE, interfaces=interfaces, endpoints={endpoint.id: endpoint})


async def test_endpoints_come_and_go_with_their_interfaces() -> None:
    proxies = FakeApiProxies()
    access = ApiAccess(proxies, has_address=True)
    await access.ensure(ENI.vpc_id, None, [TASK])
    assert (proxies.proxies, proxies.endpoints) == (set(), {})
    await access.ensure(ENI.vpc_id, with_endpoint(*DOORS), [TASK])
    assert proxies.proxies == {ENI.vpc_id}
    assert proxies.endpoints == {"eni-8": ENI.vpc_id, "eni-9": ENI.vpc_id}
    proxies.endpoints["eni-7"] = "vpc-other"
    await access.ensure(ENI.vpc_id, with_endpoint(DOORS[0]), [TASK])
    assert proxies.endpoints == {"eni-8": ENI.vpc_id, "eni-7": "vpc-other"}
    await access.remove(ENI.vpc_id)
    assert (proxies.proxies, proxies.endpoints) == (set(), {"eni-7": "vpc-other"})


async def test_without_an_address_of_its_own_endpoints_work_all_the_same() -> None:
    proxies = FakeApiProxies()
    await ApiAccess(proxies, has_address=False).ensure(ENI.vpc_id, with_endpoint(*DOORS), [TASK])
    assert (proxies.proxies, set(proxies.endpoints)) == (set(), {"eni-8", "eni-9"})


async def test_what_an_earlier_agent_left_is_found() -> None:
    proxies = FakeApiProxies()
    proxies.proxies = {"vpc-a"}
    proxies.endpoints = {"eni-1": "vpc-b", "eni-2": ""}
    assert await ApiAccess(proxies, has_address=True).read() == {"vpc-a", "vpc-b"}
    assert proxies.endpoints == {"eni-1": "vpc-b"}


async def test_an_endpoints_names_mean_its_interfaces() -> None:
    resolvers = FakeResolvers()
    await Names(resolvers, public_pool("bastide")).ensure(ENI.vpc_id, with_endpoint(*DOORS), [TASK])
    told = resolvers.names[ENI.vpc_id]
    for name in ("vpce-1.logs.us-east-1.vpce.amazonaws.com", "logs.us-east-1.amazonaws.com"):
        assert resolve(told, name, 1).values == ("172.31.0.8", "172.31.0.9")
