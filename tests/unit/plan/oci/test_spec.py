"""The spec as a value: what a container may do, sees and starts as."""

from typing import Any

import pytest
from msgspec.structs import replace

from bastide.host.ports import ImageConfig
from bastide.model.assignment import Assignment, Container, Eni, Mount, Ulimit
from bastide.model.faults import Invalid
from bastide.model.status import DesiredStatus, TaskStatus
from bastide.plan.oci.prepared import ApiFiles, Prepared, Root
from bastide.plan.oci.spec import render_container_spec, render_pause_spec, sandbox_id

TASK_ID = "0123456789abcdef" * 2
IMAGE = ImageConfig(
    reference="docker.io/library/app:latest",
    digest="sha256:0",
    entrypoint=("/bin/run",),
    command=("now",),
    environment=("PATH=/bin", "AWS_REGION=image", "ONLY_IMAGE=1"),
    working_directory="/srv",
    user="app",
)
PREPARED = Prepared(
    netns="/run/netns/task",
    cgroup="/bastide/task",
    hosts="/task/hosts",
    hostname="/task/hostname",
    resolv_conf="/task/resolv.conf",
    volumes={"data": "/disk/data", "deep": "/disk/deep"},
)
ROOT = Root(
    passwd="root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n",
    group="app:x:1001:\nweb:x:2000:app,other\n",
    tmp="/disk/tmp",
)
NPROC = {"type": "RLIMIT_NPROC", "soft": 32768, "hard": 32768}
APP = Container(name="app", runtime_id=f"{TASK_ID}-0000000001", arn="", image="app")
ENI = Eni(
    id="eni-0",
    mac="02:00:00:00:00:01",
    private_ip="172.31.0.5",
    subnet_id="subnet-0",
    subnet_cidr="172.31.0.0/20",
    vpc_id="vpc-0",
    vpc_cidr="172.31.0.0/16",
    hostname="ip-172-31-0-5.eu-west-1.compute.internal",
)


def assignment(*containers: Container) -> Assignment:
    return Assignment(
        task_arn=f"arn:aws:ecs:eu-west-1:000000000000:task/default/{TASK_ID}",
        task_id=TASK_ID,
        version=1,
        desired_status=DesiredStatus.RUNNING,
        last_status=TaskStatus.PENDING,
        cpu_units=256,
        memory_mib=512,
        storage_gib=20,
        eni=ENI,
        containers=containers,
    )


def spec_of(container: Container, *, image: ImageConfig = IMAGE, **prepared: Any) -> dict[str, Any]:
    return render_container_spec(assignment(container), container, image, ROOT, replace(PREPARED, **prepared))


def mounts_of(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {mount["destination"]: mount for mount in spec["mounts"]}


def environment_of(spec: dict[str, Any]) -> dict[str, str]:
    return dict(setting.split("=", 1) for setting in spec["process"]["env"])


def test_the_image_fills_what_the_definition_leaves_open() -> None:
    process = spec_of(APP)["process"]
    assert process["args"] == ["/bin/run", "now"]
    assert process["cwd"] == "/srv"
    user = {key: process["user"][key] for key in ("uid", "gid", "additionalGids")}
    assert user == {"uid": 1000, "gid": 1001, "additionalGids": [1001, 2000]}


def test_every_id_of_a_task_has_one_length() -> None:
    assert len(sandbox_id(TASK_ID)) == len(APP.runtime_id)
    assert sandbox_id(TASK_ID) != APP.runtime_id


def test_a_container_joins_its_sandbox() -> None:
    pause = render_pause_spec(assignment(APP), PREPARED, program="/pause")
    app = spec_of(APP)
    assert pause["annotations"]["io.kubernetes.cri.container-type"] == "sandbox"
    assert app["annotations"]["io.kubernetes.cri.container-type"] == "container"
    assert app["annotations"]["io.kubernetes.cri.sandbox-id"] == sandbox_id(TASK_ID)
    network = {"type": "network", "path": "/run/netns/task"}
    assert network in pause["linux"]["namespaces"]
    assert network in app["linux"]["namespaces"]


def test_the_sandboxes_first_program_writes_what_its_kernel_can_change() -> None:
    first = replace(APP, sysctls={"net.ipv4.tcp_sack": "1", "net.ipv4.tcp_rmem": "1 2 3"})
    last = replace(APP, name="last", sysctls={"net.ipv4.tcp_sack": "0"})  # the last one wins, as on Fargate
    process = render_pause_spec(assignment(first, last), PREPARED, program="/pause")["process"]
    assert process["args"] == [
        *("/pause", "/proc/sys/net/ipv4/tcp_sack", "0", "/proc/sys/net/ipv4/tcp_rmem", "1 2 3")
    ]
    assert process["user"]["uid"] == 0
    assert process["capabilities"]["permitted"] == process["capabilities"]["bounding"] == []


def test_the_sandbox_holds_the_size_of_the_task_and_can_do_nothing_itself() -> None:
    sysctls = {"net.ipv4.tcp_keepalive_time": "60"}
    pause = render_pause_spec(assignment(replace(APP, sysctls=sysctls)), PREPARED, program="/pause")
    assert pause["linux"]["cgroupsPath"] == "/bastide/task"
    assert pause["linux"]["resources"]["memory"] == {"limit": 512 * 1024 * 1024}
    assert pause["linux"]["resources"]["cpu"] == {"shares": 256, "quota": 25_000, "period": 100_000}
    assert pause["linux"]["sysctl"] == sysctls
    assert pause["process"]["args"] == ["/pause"]
    assert pause["process"]["user"]["uid"] == 65534
    assert pause["process"]["capabilities"]["bounding"] == []
    assert pause["process"]["noNewPrivileges"] is True
    assert pause["root"]["readonly"] is True


def test_no_device_of_the_host_is_allowed() -> None:
    for spec in (spec_of(APP), render_pause_spec(assignment(APP), PREPARED, program="/pause")):
        assert spec["linux"]["devices"] == []
        assert spec["linux"]["resources"]["devices"] == [{"allow": False, "access": "rwm"}]


def test_kernel_paths_are_hidden_or_read_only() -> None:
    linux = spec_of(APP)["linux"]
    assert {"/proc/kcore", "/sys/firmware", "/proc/keys"} <= set(linux["maskedPaths"])
    assert {"/proc/sysrq-trigger", "/proc/sys"} <= set(linux["readonlyPaths"])
    assert "ro" in mounts_of(spec_of(APP))["/sys"]["options"]


def test_only_root_holds_capabilities_and_nobody_passes_them_on() -> None:
    root = spec_of(replace(APP, user="0"))["process"]["capabilities"]
    user = spec_of(APP)["process"]["capabilities"]
    assert len(root["effective"]) == len(root["permitted"]) == len(root["bounding"]) == 14
    assert (user["effective"], user["permitted"], len(user["bounding"])) == ([], [], 14)
    assert root["inheritable"] == root["ambient"] == user["ambient"] == []


def test_the_environment_is_layered() -> None:
    given = {"ONLY_TASK": "1", "AWS_EXECUTION_ENV": "mine"}
    seen = environment_of(spec_of(replace(APP, environment=given)))
    assert seen["PATH"] == "/bin"
    assert (seen["ONLY_IMAGE"], seen["ONLY_TASK"]) == ("1", "1")
    assert seen["AWS_EXECUTION_ENV"] == "mine"
    assert seen["AWS_REGION"] == seen["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert seen["HOSTNAME"] == ENI.hostname
    assert seen["HOME"] == "/home/app"
    assert "TERM" not in seen


def test_what_a_container_is_told_of_the_api_counts_less_than_anything_else() -> None:
    root = replace(ROOT, api=ApiFiles(authority="/host/ca", bundle="/host/bundle"))
    image = replace(IMAGE, environment=("AWS_CA_BUNDLE=/image",))
    app = replace(APP, environment={"AWS_ENDPOINT_URL": "http://mine"})
    seen = environment_of(render_container_spec(assignment(APP), APP, IMAGE, root, PREPARED))
    assert seen["AWS_ENDPOINT_URL"] == "https://169.254.170.3"
    assert seen["AWS_CA_BUNDLE"] == "/etc/bastide/ca-bundle.pem"
    assert seen["NODE_EXTRA_CA_CERTS"] == "/etc/bastide/ca.pem"
    spec = render_container_spec(assignment(app), app, image, root, PREPARED)
    seen = environment_of(spec)
    assert (seen["AWS_ENDPOINT_URL"], seen["AWS_CA_BUNDLE"]) == ("http://mine", "/image")
    for source, target in (
        ("/host/ca", "/etc/bastide/ca.pem"),
        ("/host/bundle", "/etc/bastide/ca-bundle.pem"),
    ):
        mount = mounts_of(spec)[target]
        assert (mount["source"], "ro" in mount["options"]) == (source, True)
    assert "AWS_ENDPOINT_URL" not in environment_of(spec_of(APP))


def test_a_terminal_is_an_xterm() -> None:
    spec = spec_of(replace(APP, pseudo_terminal=True))
    assert spec["process"]["terminal"] is True
    assert environment_of(spec)["TERM"] == "xterm"


def test_nofile_comes_from_the_settings_unless_the_container_sets_it() -> None:
    settings = spec_of(APP, nofile_soft=1024, nofile_hard=4096)["process"]["rlimits"]
    assert settings == [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 4096}, NPROC]
    ulimits = (Ulimit(name="nofile", soft=10, hard=20), Ulimit(name="core", soft=-1, hard=-1))
    assert spec_of(replace(APP, ulimits=ulimits))["process"]["rlimits"] == [
        {"type": "RLIMIT_CORE", "soft": 2**64 - 1, "hard": 2**64 - 1},
        {"type": "RLIMIT_NOFILE", "soft": 10, "hard": 20},
        NPROC,
    ]


@pytest.mark.parametrize(("asked", "held"), [((-1, -1), (100, 100)), ((7, -1), (7, 100)), ((7, 9), (7, 9))])
def test_no_container_may_have_more_processes_than_its_task(
    asked: tuple[int, int], held: tuple[int, int]
) -> None:
    ulimits = (Ulimit(name="nproc", soft=asked[0], hard=asked[1]),)
    limits = spec_of(replace(APP, ulimits=ulimits), pids_max=100)["process"]["rlimits"]
    assert {"type": "RLIMIT_NPROC", "soft": held[0], "hard": held[1]} in limits


def test_the_tasks_files_and_disk_are_mounted() -> None:
    mounts = mounts_of(spec_of(APP))
    assert mounts["/etc/hosts"]["source"] == "/task/hosts"
    assert mounts["/etc/resolv.conf"]["source"] == "/task/resolv.conf"
    assert mounts["/etc/hostname"]["source"] == "/task/hostname"
    assert mounts["/tmp"]["source"] == "/disk/tmp"
    assert "size=65536k" in mounts["/dev/shm"]["options"]


def test_a_read_only_root_makes_what_lies_on_it_read_only() -> None:
    spec = spec_of(replace(APP, readonly_root=True))
    assert spec["root"]["readonly"] is True
    for target in ("/tmp", "/etc/hosts", "/etc/resolv.conf"):
        assert "ro" in mounts_of(spec)[target]["options"]


def test_a_volume_of_the_image_is_writable_and_gives_way_to_a_mount_point() -> None:
    root = replace(ROOT, image_volumes={"/tmp": "/disk/a", "/data": "/disk/b", "/deep/cache": "/disk/c"})
    app = replace(APP, readonly_root=True, mounts=(Mount(volume="data", path="/data", read_only=True),))
    mounts = render_container_spec(assignment(app), app, IMAGE, root, PREPARED)["mounts"]
    found = [(m["destination"], m["source"], m["options"][-1]) for m in mounts if m["source"][:6] == "/disk/"]
    assert found == [
        ("/tmp", "/disk/a", "rw"),
        ("/data", "/disk/data", "ro"),
        ("/deep/cache", "/disk/c", "rw"),
    ]


@pytest.mark.parametrize(
    ("path", "why"), [("data", "must be absolute"), ("/", "can't be"), ("//x/..", "can't be")]
)
def test_a_volume_has_a_place_below_the_root(path: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        spec_of(replace(APP, mounts=(Mount(volume="data", path=path),)))


def test_volumes_are_mounted_the_shorter_path_first() -> None:
    mounts = (Mount(volume="deep", path="/data/deep/"), Mount(volume="data", path="/data", read_only=True))
    spec = spec_of(replace(APP, mounts=mounts, readonly_root=True))
    targets = [mount["destination"] for mount in spec["mounts"]]
    assert targets.index("/data") < targets.index("/data/deep")
    assert "ro" in mounts_of(spec)["/data"]["options"]
    assert "rw" in mounts_of(spec)["/data/deep"]["options"]


def test_an_init_is_put_before_the_command_where_there_is_one() -> None:
    asked = replace(APP, init_process=True)
    assert spec_of(asked)["process"]["args"][0] == "/bin/run"
    spec = spec_of(asked, init_program="/usr/bin/tini-static")
    assert spec["process"]["args"] == ["/sbin/docker-init", "--", "/bin/run", "now"]
    assert mounts_of(spec)["/sbin/docker-init"]["source"] == "/usr/bin/tini-static"
    assert "/sbin/docker-init" not in mounts_of(spec_of(APP, init_program="/usr/bin/tini-static"))


def test_a_container_with_nothing_to_run_is_invalid() -> None:
    with pytest.raises(Invalid, match="no command specified"):
        spec_of(APP, image=ImageConfig(reference="x", digest="sha256:0"))


def test_a_containers_memory_and_weight_are_in_its_own_spec() -> None:
    resources = spec_of(replace(APP, memory_mib=128, cpu_units=64))["linux"]["resources"]
    assert resources["memory"] == {"limit": 128 * 1024 * 1024}
    assert resources["cpu"] == {"shares": 64}
    assert spec_of(APP)["linux"]["resources"]["cpu"] == {"shares": 2}
