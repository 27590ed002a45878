"""What is pure of containerd's side: settings, options, faults, snapshots' names, the pause program."""

import tomllib
from pathlib import Path

import grpc
import pytest
from grpc import aio

from bastide.host.containerd.channel import FAULTS, fault_from
from bastide.host.containerd.daemon import Daemon, render_config
from bastide.host.containerd.shims import GvisorShim, RuncShim
from bastide.host.containerd.shims.runtime_options import render_options
from bastide.host.containerd.snapshots import chain_ids, lower_directories
from bastide.host.containerd_api.types.common_pb2 import Mount
from bastide.host.containerd_api.types.runc_options_pb2 import Options as RuncOptions
from bastide.host.pause import pause_program
from bastide.model.faults import Conflict, Fault, Invalid, NotFound, Unavailable

RUN = Path("/run/x")
GVISOR = GvisorShim(Path("/opt/a b/shim"), Path("/opt/a b/runsc"), RUN)
RUNC = RuncShim(Path("/usr/bin/shim"), Path("/usr/bin/runc"), RUN)
DAEMON = Daemon(
    containerd=Path("/opt/containerd"), shim=GVISOR, data_folder=Path("/var/lib/x/data"), run_folder=RUN
)


def failure(code: grpc.StatusCode, details: str = "why") -> aio.AioRpcError:
    return aio.AioRpcError(code, aio.Metadata(), aio.Metadata(), details=details)


def test_every_code_has_a_fault() -> None:
    assert set(grpc.StatusCode) - {grpc.StatusCode.OK} == set(FAULTS)


@pytest.mark.parametrize(
    ("code", "details", "kind"),
    [
        (grpc.StatusCode.NOT_FOUND, "no such container", NotFound),
        (grpc.StatusCode.FAILED_PRECONDITION, "not stopped", Conflict),
        (grpc.StatusCode.UNKNOWN, "OCI runtime start failed: no such file", Invalid),
        (grpc.StatusCode.UNKNOWN, "ttrpc: closed: unknown", Unavailable),
        (grpc.StatusCode.UNAVAILABLE, "connection refused", Unavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded", Unavailable),
    ],
)
def test_a_failed_call_is_a_fault_with_containerds_words(
    code: grpc.StatusCode, details: str, kind: type[Fault]
) -> None:
    fault = fault_from(failure(code, details), "container", "x")
    assert type(fault) is kind
    assert (fault.noun, fault.name) == ("container", "x")
    assert fault.why


def test_containerds_settings_are_toml_and_stay_in_our_folders() -> None:
    settings = tomllib.loads(render_config(DAEMON))
    assert settings["root"] == "/var/lib/x/data"
    assert settings["state"] == "/run/x/state"
    assert settings["grpc"]["address"] == str(DAEMON.socket)
    assert settings["ttrpc"]["address"].startswith("/run/x/")
    assert "io.containerd.nri.v1.nri" in settings["disabled_plugins"]


def test_the_shim_is_found_through_our_own_folder_first() -> None:
    assert DAEMON.environment()["PATH"].startswith("/run/x/bin:/opt/a b:")
    assert GVISOR.wrapper.endswith("exec '/opt/a b/shim' \"$@\"\n")
    assert "grouping" in GVISOR.wrapper and "grouping" not in RUNC.wrapper


def test_runc_and_its_state_are_told_by_path() -> None:
    told = RUNC.make_options({})
    assert told.type_url == "containerd.runc.v1.Options"
    options = RuncOptions.FromString(told.value)
    assert (options.binary_name, options.root) == ("/usr/bin/runc", "/run/x/runc")


def test_a_containers_flags_win_over_the_defaults() -> None:
    text = render_options({"platform": "kvm", "debug": "true"}, runsc=Path('/a"b/runsc'), root=Path("/run/x"))
    options = tomllib.loads(text)
    assert options["binary_name"] == '/a"b/runsc'
    flags = options["runsc_config"]
    assert (flags["platform"], flags["debug"], flags["overlay2"]) == ("kvm", "true", "none")


def test_chain_ids_are_those_of_the_image_specification() -> None:
    first = "sha256:" + "1" * 64
    second = "sha256:" + "2" * 64
    # printf 'sha256:111… sha256:222…' | sha256sum
    expected = "sha256:9932074217c35353d2e03a3f5a86549f7c67bfeb0ba53e23d69f4d4c8f7958f5"
    assert chain_ids([first, second]) == [first, expected]
    assert chain_ids([]) == []


def test_lower_directories_of_one_layer_and_of_several() -> None:
    bind = Mount(type="bind", source="/s/1/fs", options=["ro", "rbind"])
    overlay = Mount(type="overlay", source="overlay", options=["index=off", "lowerdir=/s/2/fs:/s/1/fs"])
    assert lower_directories([bind]) == ("/s/1/fs",)
    assert lower_directories([overlay]) == ("/s/2/fs", "/s/1/fs")
    with pytest.raises(Invalid):
        lower_directories([Mount(type="erofs", source="x")])


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_pause_program_is_an_elf_file_that_says_its_own_size(machine: str) -> None:
    program = pause_program(machine)
    assert program[:4] == b"\x7fELF"
    assert int.from_bytes(program[64 + 32 : 64 + 40], "little") == len(program)
