"""Who reaches whom: tasks of a VPC each other, the host a public address, nobody anything else."""

import pytest

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
