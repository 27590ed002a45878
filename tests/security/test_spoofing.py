"""A task with NET_RAW, as every task has it, sends packets in the names of other addresses: not heard."""

import pytest

from tests.installation import Installation, shell, until
from tests.programs import HEAR, echo_request, machine_has, sending, writing

pytestmark = pytest.mark.real


@pytest.mark.skipif(not machine_has(HEAR), reason="no program for this machine")
def test_a_raw_socket_speaks_in_its_own_name_alone(bastide: Installation) -> None:
    listener = shell("app", f"{writing(HEAR, '/tmp/hear')}; echo ready; exec /tmp/hear", stopTimeout=2)
    heard = bastide.run_task(bastide.register("heard", listener))[0]
    container = bastide.wait(heard, "RUNNING")["containers"][0]
    address = container["networkInterfaces"][0]["privateIpv4Address"]
    stream = f"t/app/{heard.rsplit('/', 1)[-1]}"
    until(lambda: bastide.log_lines(stream) == ["ready"])
    forged = ["8.8.8.8", "127.0.0.1", "172.31.0.1", "172.31.0.2", "172.31.255.254", address]
    sources = ["0.0.0.0", *forged, "0.0.0.0"]
    script = "; ".join(
        f"{writing(sending(echo_request(source=source, target=address), to=address), '/tmp/send')}; "
        f"/tmp/send; echo {source} $?; sleep 0.5"
        for source in sources
    )
    sender = bastide.run_task(bastide.register("forger", shell("app", script)))[0]
    bastide.wait(sender, "STOPPED")
    sent = bastide.log_lines(f"t/app/{sender.rsplit('/', 1)[-1]}")
    assert [line.split()[0] for line in sent] == sources
    assert sent[0] == sent[-1] == "0.0.0.0 0"
    assert bastide.log_lines(stream) == ["ready", "heard", "heard"]  # the first one and the last one
    bastide.stop(heard)
