"""The error table is whole and true: every fault an operation raises has a row, every code is AWS's."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from bastide.api.distribution.errors import FAULTS as DISTRIBUTION_FAULTS
from bastide.api.errors import (
    COMMON,
    EC2,
    FAULTS,
    INTERNAL,
    INVALID_CODES,
    INVALID_MEMBERS,
    JSON,
    MALFORMED,
    MISSING_PARAMETER,
    QUERY,
    REFUSALS,
    S3,
    SLOW_BODY,
    UNBUILT,
)
from bastide.api.errors.rows import Row
from bastide.api.failures import fault_error
from bastide.model import faults
from bastide.model.faults import (
    AlreadyExists,
    Conflict,
    Denied,
    Fault,
    InUse,
    Invalid,
    NotFound,
    Unavailable,
)
from bastide.wire import spec
from bastide.wire.malformed import MalformedReason
from bastide.wire.sigv4 import RefusedReason
from tests.style.checkout import ROOT

API = ROOT / "src" / "bastide" / "api"
REGISTRY = API.parent / "store" / "registry"  # what ECR's operations and /v2 do to the records they share
FAULT_CLASSES = {
    name: each for name, each in vars(faults).items() if isinstance(each, type) and issubclass(each, Fault)
}
# Who may raise a fault while an operation of a service runs. What others raise meets no caller of AWS's API.
RAISES_FOR = {
    "cloudtrail": ("cloudtrail",),
    "distribution": (),  # has a table of its own, below
    "ec2": ("ec2",),
    "ecr": ("ecr",),
    "ecs": ("ecs",),
    "iam": ("iam",),
    "iam/identities/named.py": ("ecr", "iam", "logs", "s3", "secretsmanager"),
    "logs": ("logs",),
    "s3": ("s3",),
    "secretsmanager": ("secretsmanager",),
    "ssm": ("ssm",),
    "authorization": (),  # what it denies is told alike by every service: `denied_error`
    "authorization/task_roles.py": ("ecs",),
    "sts": ("sts",),
    "paging.py": ("cloudtrail", "ec2", "ecr", "ecs", "iam", "logs", "s3", "secretsmanager", "ssm"),
    "authorization/messages.py": ("sts",),
    "vault/vault.py": ("s3", "secretsmanager", "ssm"),
    "vault/key_file.py": (),
    "agents": (),
    "exec": (),
    "exec/execute_command.py": ("ecs",),
    "exec/sessions.py": ("ssm",),
    "keys": (),
    "operator": (),
    "task_environment": (),
    "tls": (),
}
FROM_THE_MODEL = {
    ("ecr", Invalid, "lifecycle policy"),
    ("iam", Invalid, "policy document"),
    ("s3", Invalid, "policy document"),
    ("secretsmanager", Invalid, "policy document"),
    ("sts", Invalid, "policy document"),
}
# What ECR's operations never meet, or tell in other words.
REGISTRY_ONLY = {
    (Conflict, "manifest"),
    (InUse, "image"),
    (Invalid, "digest"),
    (NotFound, "blob"),
}
FAMILIES = {
    "cloudtrail": JSON,
    "ec2": EC2,
    "ecr": JSON,
    "ecs": JSON,
    "iam": QUERY,
    "logs": JSON,
    "s3": S3,
    "secretsmanager": JSON,
    "ssm": JSON,
    "sts": QUERY,
}
Known = tuple[str, type[Fault], str]  # service, class, noun
EVERY_SERVICE = sorted(FAULTS)
FROM_THE_STORE: set[Known] = {(service, Unavailable, "store") for service in EVERY_SERVICE}


def nouns_in(path: Path) -> Iterator[tuple[type[Fault], str, int]]:
    """The faults a module makes: class, noun, line. A noun that is no literal is `.noun` of a listing."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in FAULT_CLASSES:
            assert node.args, f"{path.name}:{node.lineno}: a fault without a noun"
            first = node.args[0]
            if isinstance(first, ast.Constant):
                yield FAULT_CLASSES[node.func.id], str(first.value), node.lineno
            else:
                assert isinstance(first, ast.Attribute), f"{path.name}:{node.lineno}: which noun is this?"
                assert first.attr == "noun", f"{path.name}:{node.lineno}: which noun is this?"
                for noun in listed_nouns(service_of(path)):
                    yield FAULT_CLASSES[node.func.id], noun, node.lineno


def service_of(path: Path) -> Path:
    """The folder of the service that a module belongs to."""
    return API / path.relative_to(API).parts[0] if path.is_relative_to(API) else path.parent


@cache
def listed_nouns(folder: Path) -> set[str]:
    """Every `noun="…"` given in a folder's modules."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "noun" and isinstance(node.value, ast.Constant):
                found.add(str(node.value.value))
    return found


@cache
def raised() -> dict[Known, str]:
    """Where each is raised."""
    found: dict[Known, str] = dict.fromkeys(FROM_THE_STORE, "the store")
    for path in sorted(API.rglob("*.py")):
        inside = path.relative_to(API)
        head = str(inside) if str(inside) in RAISES_FOR else inside.parts[0]
        for fault, noun, line in nouns_in(path):
            assert head in RAISES_FOR, f"{path.relative_to(ROOT)} raises faults: for which service?"
            for service in RAISES_FOR[head]:
                found[service, fault, noun] = f"{path.relative_to(ROOT)}:{line}"
    for path in sorted(REGISTRY.glob("*.py")):
        for fault, noun, line in nouns_in(path):
            if (fault, noun) not in REGISTRY_ONLY:
                found["ecr", fault, noun] = f"{path.relative_to(ROOT)}:{line}"
    return found | dict.fromkeys(FROM_THE_MODEL, "the model")


def test_every_fault_raised_has_a_row() -> None:
    without = {
        where: (service, fault.__name__, noun)
        for (service, fault, noun), where in raised().items()
        if (fault, noun) not in FAULTS[service]
    }
    assert not without


def test_every_fault_of_the_registry_has_a_row_in_its_own_table() -> None:
    folders = (API / "distribution", REGISTRY, API.parent / "model" / "registry")
    found = {each[:2] for folder in folders for path in folder.rglob("*.py") for each in nouns_in(path)}
    told_otherwise = {
        (AlreadyExists, "repository"),
        (Conflict, "manifest"),
        (Invalid, "lifecycle policy"),
        (NotFound, "upstream secret"),
    }
    assert found - told_otherwise - set(DISTRIBUTION_FAULTS) == set()
    assert set(DISTRIBUTION_FAULTS) - found == {
        (Denied, "permission"),
        (Unavailable, "audit log"),
        (Unavailable, "store"),
    }


def test_every_row_is_raised_somewhere() -> None:
    rows = {(service, fault, noun) for service, table in FAULTS.items() for fault, noun in table}
    dead = sorted((service, fault.__name__, noun) for service, fault, noun in rows - set(raised()))
    assert not dead


@pytest.mark.parametrize("service", EVERY_SERVICE)
def test_every_row_is_a_code_of_its_service(service: str) -> None:
    codes = {row.code for row in FAULTS[service].values()} | {
        table[service] for table in (UNBUILT, INTERNAL, INVALID_CODES) if service in table
    }
    codes |= {code for (of, _), code in INVALID_MEMBERS.items() if of == service}
    assert codes - set(spec.errors(service)) - set(COMMON[FAMILIES[service]]) == set()


def test_every_reason_has_a_common_code_in_every_family() -> None:
    for family in (JSON, QUERY, EC2, S3):
        assert set(REFUSALS[family]) == set(RefusedReason)
        assert set(MALFORMED[family]) == set(MalformedReason)
        rows: list[Row] = [*REFUSALS[family].values(), *MALFORMED[family].values()]
        codes = {row.code for row in rows} | {UNBUILT[family], INTERNAL[family], SLOW_BODY[family]}
        codes |= {MISSING_PARAMETER[family]} if family in MISSING_PARAMETER else set()
        assert codes <= set(COMMON[family])


@pytest.mark.parametrize("service", EVERY_SERVICE)
def test_every_row_goes_out_with_the_status_of_its_code(service: str) -> None:
    of, family = spec.service(service), FAMILIES[service]
    for (fault, noun), row in FAULTS[service].items():
        error = fault_error(service, family, fault(noun, "name"))
        assert error is not None
        response = spec.render_error(of, of.protocols[0], error, "request")
        modelled = spec.errors(service).get(row.code)
        if row.code in COMMON[family]:
            wanted = COMMON[family][row.code]
        else:
            assert modelled is not None
            wanted = modelled.status or (500 if modelled.is_fault else 400)
        assert response.status == wanted
        assert row.code.encode() in response.body
