"""All 74 pairs of Fargate and what lies beside them; every spelling of a size."""

import pytest

from bastide.model.task_size import FARGATE_MEMORY_MIB, is_fargate_size, parse_cpu, parse_memory

# ECS developer guide, "Task CPU and memory": cpu → memory in MiB, written out on purpose.
GIB = 1024
TABLE = {
    256: [512, 1 * GIB, 2 * GIB],
    512: [GIB * n for n in (1, 2, 3, 4)],
    1024: [GIB * n for n in (2, 3, 4, 5, 6, 7, 8)],
    2048: [GIB * n for n in (4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)],
    4096: [GIB * n for n in range(8, 31)],
    8192: [GIB * n for n in (16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60)],
    16384: [GIB * n for n in (32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120)],
}
PAIRS = [(cpu, memory) for cpu, memories in TABLE.items() for memory in memories]
MISSES = [
    *((cpu, memory + off) for cpu, memory in PAIRS for off in (-1, 1)),
    *((cpu, memories[0] // 2) for cpu, memories in TABLE.items()),
    *((cpu, memories[-1] * 2) for cpu, memories in TABLE.items() if cpu > 256),
    *((cpu + off, TABLE[cpu][0]) for cpu in TABLE for off in (-1, 1)),
    (256, 1536),
    (256, 3072),
    (8192, 17408),
    (16384, 36864),
    (32768, 65536),
    (0, 512),
    (128, 512),
]


def test_there_are_seventy_four_pairs() -> None:
    assert len(PAIRS) == 74
    assert sum(map(len, FARGATE_MEMORY_MIB.values())) == 74


@pytest.mark.parametrize(("cpu", "memory"), PAIRS)
def test_a_pair_of_the_table_is_a_size(cpu: int, memory: int) -> None:
    assert is_fargate_size(cpu, memory)


@pytest.mark.parametrize(("cpu", "memory"), MISSES)
def test_beside_the_table_is_none(cpu: int, memory: int) -> None:
    assert not is_fargate_size(cpu, memory)


@pytest.mark.parametrize(("cpu", "memory"), PAIRS)
def test_windows_runs_with_one_two_and_four_cpus(cpu: int, memory: int) -> None:
    assert is_fargate_size(cpu, memory, windows=True) == (cpu in (1024, 2048, 4096))


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("1024", 1024),
        ("256", 256),
        ("1 vCPU", 1024),
        ("1 vcpu", 1024),
        ("1vCPU", 1024),
        ("1VCPU", 1024),
        (".5 vCPU", 512),
        (".5vcpu", 512),
        ("0.5 vCPU", 512),
        ("0.50 vCPU", 512),
        (".25 vCPU", 256),
        ("0.25 vCPU", 256),
        ("16 vCPU", 16384),
        ("2.0 vCPU", 2048),
        ("128", 128),
        ("196608", 196608),
        ("0256", 256),
    ],
)
def test_cpu_is_spelled_so(text: str, units: int) -> None:
    assert parse_cpu(text) == units


@pytest.mark.parametrize(
    "text",
    [
        "",
        "127",
        "0",
        "-256",
        "+256",
        "196609",
        "193 vCPU",
        "1.5",
        "1 CPU",
        "one vCPU",
        "1  vCPU",
        " 256",
        "256 ",
        "256\n",
        "٢٥٦",
        "1e3",
        "0x100",
        "vCPU",
        ". vCPU",
        "1. vCPU",
        "0.3333 vCPU",
        ".1 vCPU",
        "1 GB",
        "9" * 4000,
        "9" * 4000 + " vCPU",
    ],
)
def test_cpu_is_not_spelled_so(text: str) -> None:
    assert parse_cpu(text) is None


@pytest.mark.parametrize(
    ("text", "mib"),
    [
        ("2048", 2048),
        ("512", 512),
        ("2GB", 2048),
        ("2 GB", 2048),
        ("2gb", 2048),
        ("2 Gb", 2048),
        (".5 GB", 512),
        ("0.5 gb", 512),
        ("0.5GB", 512),
        ("120 GB", 122880),
        ("30.0 GB", 30720),
        ("4", 4),
    ],
)
def test_memory_is_spelled_so(text: str, mib: int) -> None:
    assert parse_memory(text) == mib


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "3",
        "-512",
        "512MB",
        "512 MB",
        "1 GiB",
        "GB",
        "0.0001 GB",
        "1  GB",
        "2GB ",
        "1 vCPU",
        "two GB",
    ],
)
def test_memory_is_not_spelled_so(text: str) -> None:
    assert parse_memory(text) is None
