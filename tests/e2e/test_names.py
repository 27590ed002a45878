"""Story: tasks find each other and the world by name, as on Fargate."""

import pytest

from bastide.model.network import private_domain, public_domain
from tests.installation import Installation, shell

pytestmark = pytest.mark.real

REGION = "us-east-1"
SERVER = "echo here > /tmp/index.html; exec httpd -f -p 80 -h /tmp"
SCRIPT = """
cat /etc/resolv.conf
hostname
grep "$(hostname)" /etc/hosts | cut -d' ' -f2
until timeout 3 wget -qO- http://{name}/; do sleep 0.2; done
nslookup -type=a {public} | tail -n +3 | grep Address
nslookup {private} | grep -o 'name = .*'
nslookup nobody.{domain} 169.254.169.253 | grep -c NXDOMAIN
"""


def test_a_task_finds_another_by_its_names(bastide: Installation) -> None:
    server = bastide.run_task(bastide.register("server", shell("app", SERVER, stopTimeout=2)), public=True)[0]
    running = bastide.wait(server, "RUNNING")
    private = running["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]
    domain, outside = private_domain(REGION), public_domain(REGION)
    name = f"ip-{private.replace('.', '-')}.{domain}"
    public = f"ec2-{bastide.public_address(running).replace('.', '-')}.{outside}"
    script = SCRIPT.format(name=name, public=public, private=private, domain=domain)
    client = bastide.run_task(bastide.register("client", shell("app", script)))[0]
    own = bastide.wait(client, "STOPPED")["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]
    own_name = f"ip-{own.replace('.', '-')}.{domain}"
    assert bastide.log_lines(f"t/app/{client.rsplit('/', 1)[-1]}") == [
        "nameserver 172.31.0.2",
        f"search {domain}",
        own_name,
        own_name,
        "here",
        f"Address: {private}",
        f"name = {name}",
        "2",
    ]
    bastide.stop(server)
