"""What is known of services before and after their models load."""

import ast
from pathlib import Path

import pytest

import bastide.wire
from bastide.wire import spec
from bastide.wire.http import Request
from bastide.wire.models import names_by_signing_name, names_by_target, names_by_version, service

SOURCES = sorted(Path(bastide.wire.__file__).parent.rglob("*.py"))


def test_services_are_found_without_loading_them() -> None:
    assert names_by_signing_name()["elasticloadbalancing"] == ("elb", "elbv2")
    assert names_by_version()["elasticloadbalancing", "2015-12-01"] == "elbv2"
    assert names_by_target()["AmazonEC2ContainerServiceV20141113"] == "ecs"


def test_models_come_without_their_documentation() -> None:
    description = service("ecs").model._service_description
    held = [description, *description["operations"].values(), *description["shapes"].values()]
    held += [
        member for shape in description["shapes"].values() for member in shape.get("members", {}).values()
    ]
    assert len(held) > 1000
    assert not any("documentation" in each for each in held)


def test_an_unknown_service_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        service("../../etc")


def test_errors_are_found_by_code_and_by_name() -> None:
    errors = spec.errors("elbv2")
    assert errors["TargetGroupNotFound"] == errors["TargetGroupNotFoundException"]
    assert spec.errors("iam")["NoSuchEntity"].status == 404
    fault = spec.errors("ecs")["ServerException"]
    assert (fault.status, fault.is_fault) == (None, True)


@pytest.mark.parametrize(
    ("signing_name", "version", "name"),
    [
        ("elasticloadbalancing", "2015-12-01", "elbv2"),
        ("elasticloadbalancing", "2012-06-01", "elb"),
        ("ec2", "2014-09-01", "ec2"),
        ("sts", "2011-06-15", "sts"),
    ],
)
def test_a_form_names_its_service_by_scope_and_version(signing_name: str, version: str, name: str) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    request = Request("POST", "/", "", headers, f"Action=X&Version={version}&Y=1".encode())
    assert spec.service_for(request, signing_name).name == name


def test_a_presigned_form_in_the_query_is_read() -> None:
    request = Request("GET", "/", "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Date=x", {})
    call = spec.parse(request, spec.service_for(request, "sts"), request_id="r")
    assert call == spec.Call("sts", "GetCallerIdentity", {}, "query", "r")


def test_no_operation_is_named_in_the_wire() -> None:
    operations = set().union(*(spec.operations(name) for name in ("ecs", "sts", "ec2", "logs", "iam", "s3")))
    for source in SOURCES:
        words = {
            node.value for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Constant)
        }
        assert not words & operations, source


def test_botocore_is_imported_in_one_module_only() -> None:
    importers = {
        source.name for source in SOURCES if "botocore." in source.read_text().replace("botocore.model.", "")
    }
    assert importers == {"models.py"}
