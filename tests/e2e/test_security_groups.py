"""Security groups as a user types them, and what tasks then see of each other."""

from collections.abc import Iterator

import pytest

from tests import roles
from tests.e2e.watching import new_group, private_address, seen, serving, watching
from tests.installation import CommandError, Installation, ask, until

pytestmark = pytest.mark.real
ANY = "0.0.0.0/0"


@pytest.fixture
def tasks(bastide: Installation) -> Iterator[list[str]]:
    """What a story starts is stopped after it."""
    started: list[str] = []
    yield started
    for task in started:
        bastide.client("ecs").stop_task(task=task)
    for task in started:
        bastide.wait(task, "STOPPED")


def test_the_default_group_lets_its_members_talk_and_nobody_else_in(
    bastide: Installation, tasks: list[str]
) -> None:
    """And a flow log tells of both."""
    flow_log = write_flow_log(bastide)
    tasks += bastide.run_task(bastide.register("target", serving(80)))
    address = private_address(bastide, tasks[0])
    watch = bastide.register("watch", watching(address, 80))
    tasks += bastide.run_task(watch)
    tasks += bastide.run_task(watch, groups=[new_group(bastide, "strangers")])
    assert seen(bastide, tasks[1], "open")[-1] == "open"
    assert seen(bastide, tasks[2], "closed") == ["closed"]
    details = {d["name"]: d["value"] for d in bastide.describe(tasks[0])[0]["attachments"][0]["details"]}
    member, stranger = (private_address(bastide, task) for task in tasks[1:])
    bastide.stop(*tasks)  # what an interface saw last is told when it goes
    stream = f"{details['networkInterfaceId']}-all"
    records = until(lambda: [line.split() for line in bastide.log_lines(stream, group="flows")])
    told = {(record[3], record[6], record[7], record[12]) for record in records if record[4] == address}
    assert told >= {(member, "80", "6", "ACCEPT"), (stranger, "80", "6", "REJECT")}
    assert {(record[0], record[2], record[13]) for record in records} == {
        ("2", details["networkInterfaceId"], "OK")
    }
    bastide.aws("ec2", "delete-flow-logs", "--flow-log-ids", flow_log)


def test_web_is_open_to_the_world_and_the_database_to_web_alone(
    bastide: Installation, tasks: list[str]
) -> None:
    web, database = new_group(bastide, "web"), new_group(bastide, "database")
    allow = ("ec2", "authorize-security-group-ingress", "--protocol", "tcp")
    bastide.aws(*allow, "--group-id", web, "--port", "80", "--cidr", ANY)
    bastide.aws(*allow, "--group-id", database, "--port", "5432", "--source-group", web)
    tasks += bastide.run_task(bastide.register("database", serving(5432)), groups=[database])
    address = private_address(bastide, tasks[0])
    first = "echo here > /tmp/index.html; httpd -p 80 -h /tmp; httpd -p 81 -h /tmp\n"
    front = bastide.register("web", watching(address, 5432, first=first))
    tasks += bastide.run_task(front, groups=[web], public=True)
    tasks += bastide.run_task(bastide.register("stranger", watching(address, 5432)))
    public = bastide.public_address(bastide.wait(tasks[1], "RUNNING"))
    assert until(lambda: ask(f"http://{public}/")) == "here\n"
    assert ask(f"http://{public}:81/", timeout_s=1) == ""
    assert seen(bastide, tasks[1], "open")[-1] == "open"
    assert seen(bastide, tasks[2], "closed") == ["closed"]
    said = bastide.bastide("explain-path", tasks[1], tasks[0], "5432")
    assert f"allows TCP 5432 from members of {web}" in said
    assert said.endswith("It arrives, and the answer comes back.\n")
    with pytest.raises(CommandError, match=f"STOPS .*{database}.*no rule allows TCP 5432"):
        bastide.bastide("explain-path", tasks[2], tasks[0], "5432")


def test_a_port_closes_and_opens_on_a_live_task(bastide: Installation, tasks: list[str]) -> None:
    group = new_group(bastide, "changing")
    rule = ("--group-id", group, "--protocol", "tcp", "--port", "80", "--cidr", "172.31.0.0/16")
    bastide.aws("ec2", "authorize-security-group-ingress", *rule)
    tasks += bastide.run_task(bastide.register("target", serving(80)), groups=[group])
    tasks += bastide.run_task(bastide.register("watch", watching(private_address(bastide, tasks[0]), 80)))
    assert seen(bastide, tasks[1], "open")[-1] == "open"
    before = len(seen(bastide, tasks[1], "open"))
    bastide.aws("ec2", "revoke-security-group-ingress", *rule)
    assert seen(bastide, tasks[1], *["x"] * (before + 1))[-1] == "closed"
    bastide.aws("ec2", "authorize-security-group-ingress", *rule)
    assert seen(bastide, tasks[1], *["x"] * (before + 2))[-1] == "open"


def test_localhost_of_a_task_is_its_own_matter(bastide: Installation, tasks: list[str]) -> None:
    """Sidecars talk by localhost though the task's group lets nothing in or out."""
    shut = new_group(bastide, "shut")
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": ANY}]}
    bastide.client("ec2").revoke_security_group_egress(GroupId=shut, IpPermissions=[everything])
    sidecar = serving(9000) | {"name": "sidecar"}
    tasks += bastide.run_task(
        bastide.register("sidecars", sidecar, watching("127.0.0.1", 9000)), groups=[shut]
    )
    assert seen(bastide, tasks[0], "open")[-1] == "open"


def write_flow_log(bastide: Installation) -> str:
    """Of all that the default VPC's interfaces see, with a role of its own; its id."""
    trust = roles.TRUST.replace("ecs-tasks", "vpc-flow-logs")
    iam, ec2 = bastide.client("iam"), bastide.client("ec2")
    role = iam.create_role(RoleName="flows", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.attach_role_policy(RoleName="flows", PolicyArn="arn:aws:iam::aws:policy/CloudWatchLogsFullAccess")
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    answer = bastide.aws(
        *("ec2", "create-flow-logs", "--resource-type", "VPC", "--resource-ids", vpc["VpcId"]),
        *("--traffic-type", "ALL", "--log-group-name", "flows", "--deliver-logs-permission-arn", role),
    )
    return str(answer["FlowLogIds"][0])
