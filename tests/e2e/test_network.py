"""Who reaches whom: tasks of a VPC each other, the host a public address, nobody anything else."""

import subprocess

import pytest

from bastide.host import names
from bastide.model.network import eni_link
from tests.installation import Installation, ask, shell, until

pytestmark = pytest.mark.real

SERVER = "echo here > /tmp/index.html; exec httpd -f -p 80 -h /tmp"


def test_the_host_reaches_a_public_address_and_no_private_one(bastide: Installation) -> None:
    arn = bastide.register("server", shell("app", SERVER, stopTimeout=2))
    open_task, closed_task = bastide.run_task(arn, public=True)[0], bastide.run_task(arn)[0]
    running = bastide.wait(open_task, "RUNNING")
    private = bastide.wait(closed_task, "RUNNING")["containers"][0]["networkInterfaces"][0][
        "privateIpv4Address"
    ]
    public = bastide.public_address(running)
    assert until(lambda: ask(f"http://{public}/")) == "here\n"
    assert ask(f"http://{private}/", timeout_s=1) == ""
    bastide.stop(open_task, closed_task)


def test_tasks_of_a_vpc_reach_each_other(bastide: Installation) -> None:
    server = bastide.run_task(bastide.register("server", shell("app", SERVER, stopTimeout=2)))[0]
    address = bastide.wait(server, "RUNNING")["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]
    script = f"until timeout 2 wget -qO- http://{address}/; do sleep 0.2; done"
    client = bastide.run_task(bastide.register("client", shell("app", script)))[0]
    bastide.wait(client, "STOPPED")
    assert bastide.log_lines(f"t/app/{client.rsplit('/', 1)[-1]}") == ["here"]
    bastide.stop(server)


def test_addresses_come_from_the_subnet_and_are_described(bastide: Installation) -> None:
    arn = bastide.register("sleeper", shell("app", "exec sleep 1000", stopTimeout=2))
    tasks = bastide.run_task(arn, count=3)
    described = [bastide.wait(task, "RUNNING") for task in tasks]
    details = [{d["name"]: d["value"] for d in task["attachments"][0]["details"]} for task in described]
    assert len({d["privateIPv4Address"] for d in details}) == 3
    assert len({d["macAddress"] for d in details}) == 3
    for task, detail in zip(described, details, strict=True):
        assert task["attachments"][0]["status"] == "ATTACHED"
        answer = bastide.aws(
            *("ec2", "describe-network-interfaces", "--network-interface-ids"), detail["networkInterfaceId"]
        )
        interface = answer["NetworkInterfaces"][0]
        assert interface["PrivateIpAddress"] == detail["privateIPv4Address"]
        assert interface["SubnetId"] == detail["subnetId"]
        assert interface["RequesterManaged"] is True
    bastide.stop(*tasks)
    gone = bastide.aws(
        *("ec2", "describe-network-interfaces", "--filters"),
        f"Name=private-ip-address,Values={details[0]['privateIPv4Address']}",
    )
    assert gone["NetworkInterfaces"] == []


def test_a_task_whose_link_was_deleted_ends_and_says_why(bastide: Installation) -> None:
    """Its sandbox knows the deleted one alone; another task of the VPC goes on."""
    arn = bastide.register("sleeper", shell("app", "exec sleep 1000", stopTimeout=2))
    hit, other = bastide.run_task(arn, count=2)
    details = bastide.wait(hit, "RUNNING")["attachments"][0]["details"]
    bastide.wait(other, "RUNNING")
    subnet = next(one["value"] for one in details if one["name"] == "subnetId")
    vpc = bastide.client("ec2").describe_subnets(SubnetIds=[subnet])["Subnets"][0]["VpcId"]
    netns = bastide.folder / "run" / bastide.instance / "netns" / names.vpc_netns(bastide.instance, vpc)
    link = eni_link(hit.rsplit("/", 1)[-1])
    subprocess.run(["nsenter", f"--net={netns}", "ip", "link", "del", link], check=True)
    stopped = bastide.wait(hit, "STOPPED")
    assert "the link of the task's network interface was deleted" in stopped["stoppedReason"]
    assert bastide.describe(other)[0]["lastStatus"] == "RUNNING"
    bastide.stop(other)
