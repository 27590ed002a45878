"""PutParameter, GetParameter and their like."""

from typing import Any

import pytest

from bastide.api.ssm.parameters import VERSIONS_MAX
from tests.unit.api.ssm.conftest import Parameters, refusal

ARN = "arn:aws:ssm:eu-test-1:111122223333:parameter"


async def test_put_parameter_counts_versions(parameters: Parameters) -> None:
    assert await parameters.put("/prod/db", "one") == {"Version": 1, "Tier": "Standard"}
    code, message = await refusal(parameters.put("/prod/db", "two"))
    assert code == "ParameterAlreadyExists"
    assert message.startswith("The parameter already exists. To overwrite this value")
    assert (await parameters.put("/prod/db", "two", Overwrite=True, Type=None))["Version"] == 2
    found = await parameters.get("/prod/db")
    assert (found["Value"], found["Version"], found["Type"]) == ("two", 2, "String")
    assert found["ARN"] == f"{ARN}/prod/db"
    old = await parameters.get("/prod/db:1")
    assert (old["Value"], old["Selector"]) == ("one", ":1")
    assert (await parameters.get(f"{ARN}/prod/db"))["Value"] == "two"
    assert (await parameters.get(f"{ARN}/prod/db:1"))["Value"] == "one"


async def test_a_name_with_and_without_a_slash_are_two(parameters: Parameters) -> None:
    await parameters.put("x", "plain")
    await parameters.put("/x", "slashed")
    assert (await parameters.get("x"))["Value"] == "plain"
    assert (await parameters.get("/x"))["Value"] == "slashed"
    assert (await parameters.get(f"{ARN}/x"))["Value"] == "plain"


async def test_a_secure_string_is_read_with_decryption_alone(parameters: Parameters) -> None:
    await parameters.put("/p", "hunter2", Type="SecureString")
    assert (await parameters.get("/p", WithDecryption=True))["Value"] == "hunter2"
    hidden = (await parameters.get("/p"))["Value"]
    assert "hunter2" not in hidden
    assert len(hidden) > 20
    described = (await parameters.call("DescribeParameters"))["Parameters"][0]
    assert described["KeyId"] == "alias/aws/ssm"
    assert "hunter2" not in str(described)


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        *(
            (name, "ValidationException", 'can\'t be prefixed with "aws" or "ssm"')
            for name in ("aws", "AWSx")
        ),
        *((name, "ValidationException", "can't be prefixed with") for name in ("ssm.x", "/ssm", "/ssm/x")),
        ("/aws/x", "AccessDeniedException", "No access to reserved parameter name: /aws/x."),
        ("a/b", "ValidationException", "Parameter name must be a fully qualified name."),
        *(
            (name, "ValidationException", "only a mix of letters")
            for name in ("/a b", "/é", "/a//b", "/", "/a/", "a:1")
        ),
        ("/a" * 16, "HierarchyLevelLimitExceededException", "15 levels"),
        ("/" + "a" * 1011, "ValidationException", "too long"),
    ],
)
async def test_a_name_that_cannot_be(parameters: Parameters, name: str, code: str, message: str) -> None:
    got_code, got_message = await refusal(parameters.put(name))
    assert (got_code, message in got_message) == (code, True), got_message


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        ({"Value": ""}, "ValidationException", "length greater than or equal to 1"),
        ({"Value": "{{ssm:x}}"}, "ValidationException", "can't nest another parameter"),
        ({"Value": "é" * 2049}, "ValidationException", "Standard tier parameters support a maximum"),
        (
            {"Value": "x" * 8193, "Tier": "Advanced"},
            "ValidationException",
            "Advanced tier parameters support",
        ),
        ({"Type": None}, "ValidationException", "A parameter type is required when you create a parameter."),
        ({"DataType": "aws:ec2:image"}, "ValidationException", "data type is not supported"),
        ({"AllowedPattern": "a+"}, "InvalidAllowedPatternException", "isn't checked here"),
        ({"Policies": '[{"Type":"Expiration"}]'}, "InvalidPolicyTypeException", "aren't supported here"),
        ({"KeyId": "alias/mine"}, "InvalidKeyId", "Invalid keyId alias/mine"),
        ({"Tags": [{"Key": "aws:a", "Value": ""}]}, "ValidationException", "aws:"),
    ],
)
async def test_what_cannot_be_put(
    parameters: Parameters, params: dict[str, Any], code: str, message: str
) -> None:
    got_code, got_message = await refusal(
        parameters.put("/p", **({"value": params.pop("Value", "v")} | params))
    )
    assert (got_code, message in got_message) == (code, True), got_message


async def test_tiers_hold_four_and_eight_kilobytes_and_go_one_way(parameters: Parameters) -> None:
    assert (await parameters.put("/a", "x" * 4096))["Tier"] == "Standard"
    assert (await parameters.put("/b", "x" * 8192, Tier="Advanced"))["Tier"] == "Advanced"
    assert (await parameters.put("/c", "x" * 4097, Tier="Intelligent-Tiering"))["Tier"] == "Advanced"
    assert (await parameters.put("/d", "x", Tier="Intelligent-Tiering"))["Tier"] == "Standard"
    assert (await parameters.put("/b", "x", Overwrite=True))["Tier"] == "Advanced"
    code, message = await refusal(parameters.put("/b", "x", Overwrite=True, Tier="Standard"))
    assert code == "ValidationException"
    assert "can't downgrade" in message


async def test_an_overwritten_parameter_keeps_type_and_words(parameters: Parameters) -> None:
    await parameters.put("/p", Description="d", Tags=[{"Key": "a", "Value": "b"}])
    code, _ = await refusal(parameters.put("/p", Overwrite=True, Type="SecureString"))
    assert code == "HierarchyTypeMismatchException"
    code, message = await refusal(parameters.put("/p", Overwrite=True, Tags=[{"Key": "a", "Value": "b"}]))
    assert code == "ValidationException"
    assert "tags and overwrite can't be used together" in message
    await parameters.put("/p", Overwrite=True)
    assert (await parameters.call("DescribeParameters"))["Parameters"][0]["Description"] == "d"


async def test_what_is_not_there(parameters: Parameters) -> None:
    await parameters.put("/p")
    assert await refusal(parameters.get("/q")) == ("ParameterNotFound", "Parameter /q not found.")
    code, message = await refusal(parameters.get("/p:2"))
    assert code == "ParameterVersionNotFound"
    assert message == "Systems Manager could not find version 2 of /p. Verify the version and try again."
    assert (await refusal(parameters.get("/p:label")))[0] == "ParameterVersionNotFound"
    assert (await refusal(parameters.get(f"{ARN.replace('eu-test-1', 'x')}/p")))[0] == "ParameterNotFound"
    assert (await refusal(parameters.call("DeleteParameter", Name="/q")))[0] == "ParameterNotFound"


async def test_get_parameters_names_what_is_missing(parameters: Parameters) -> None:
    await parameters.put("/a", "1")
    await parameters.put("/b", "2")
    found = await parameters.call("GetParameters", Names=["/b", "/no", "/a", "/a:9"])
    assert [each["Name"] for each in found["Parameters"]] == ["/b", "/a"]
    assert found["InvalidParameters"] == ["/no", "/a:9"]
    for names in ([], [f"/{n}" for n in range(11)]):
        assert (await refusal(parameters.call("GetParameters", Names=names)))[0] == "ValidationException"


async def test_delete_parameter_and_delete_parameters(parameters: Parameters) -> None:
    for name in ("/a", "/b", "/c"):
        await parameters.put(name)
    await parameters.put("/a", Overwrite=True)
    await parameters.call("DeleteParameter", Name="/a")
    answer = await parameters.call("DeleteParameters", Names=["/a", "/b"])
    assert answer == {"DeletedParameters": ["/b"], "InvalidParameters": ["/a"]}
    assert await parameters.api.run(lambda txn: txn.count("parameter-version")) == 1


async def test_get_parameter_history_is_oldest_first_and_pages(parameters: Parameters) -> None:
    for number in range(3):
        await parameters.put("/p", f"v{number}", Type="SecureString", Overwrite=number > 0)
    first = await parameters.call("GetParameterHistory", Name="/p", WithDecryption=True, MaxResults=2)
    rest = await parameters.call(
        "GetParameterHistory", Name="/p", WithDecryption=True, NextToken=first["NextToken"]
    )
    both = [*first["Parameters"], *rest["Parameters"]]
    assert [(each["Version"], each["Value"]) for each in both] == [(1, "v0"), (2, "v1"), (3, "v2")]


async def test_beyond_a_hundred_versions_the_oldest_goes_unless_it_has_a_label(
    parameters: Parameters,
) -> None:
    for number in range(VERSIONS_MAX + 1):
        await parameters.put("/p", Overwrite=number > 0)
    assert (await refusal(parameters.get("/p:1")))[0] == "ParameterVersionNotFound"
    await parameters.call("LabelParameterVersion", Name="/p", ParameterVersion=2, Labels=["kept"])
    code, message = await refusal(parameters.put("/p", Overwrite=True))
    assert code == "ParameterMaxVersionLimitExceeded"
    assert "Version 2, the oldest version, can't be deleted" in message


async def test_labels_name_versions(parameters: Parameters) -> None:
    await parameters.put("/p", "one")
    await parameters.put("/p", "two", Overwrite=True)
    label = {"Name": "/p", "Labels": ["good", "9bad", "awsbad"]}
    answer = await parameters.call("LabelParameterVersion", ParameterVersion=1, **label)
    assert answer == {"InvalidLabels": ["9bad", "awsbad"], "ParameterVersion": 1}
    assert (await parameters.get("/p:good"))["Value"] == "one"
    await parameters.call("LabelParameterVersion", Name="/p", Labels=["good"])
    assert (await parameters.get("/p:good"))["Value"] == "two"
    taken = await parameters.call(
        "UnlabelParameterVersion", Name="/p", ParameterVersion=2, Labels=["good", "x"]
    )
    assert taken == {"RemovedLabels": ["good"], "InvalidLabels": ["x"]}
    many = parameters.call("LabelParameterVersion", Name="/p", Labels=[f"l{n}" for n in range(11)])
    assert (await refusal(many))[0] == "ParameterVersionLabelLimitExceeded"


async def test_add_tags_to_resource_and_remove_tags_from_resource(parameters: Parameters) -> None:
    await parameters.put("/p", Tags=[{"Key": "a", "Value": "1"}])
    of = {"ResourceType": "Parameter", "ResourceId": "/p"}
    await parameters.call("AddTagsToResource", **of, Tags=[{"Key": "b", "Value": "2"}])
    await parameters.call("RemoveTagsFromResource", **of, TagKeys=["a"])
    assert await parameters.call("ListTagsForResource", **of) == {"TagList": [{"Key": "b", "Value": "2"}]}
    wrong = parameters.call("ListTagsForResource", ResourceType="Document", ResourceId="/p")
    assert (await refusal(wrong))[0] == "InvalidResourceType"
    none = parameters.call("ListTagsForResource", ResourceType="Parameter", ResourceId="/q")
    assert (await refusal(none))[0] == "InvalidResourceId"


async def test_no_value_is_in_the_store(parameters: Parameters) -> None:
    for kind in ("String", "StringList", "SecureString"):
        await parameters.put(f"/{kind}", "correct horse battery", Type=kind)
    records = await parameters.api.run(
        lambda txn: [
            record.document for kind in ("parameter", "parameter-version") for record in txn.find(kind)
        ]
    )
    assert len(records) == 6
    assert "correct horse battery" not in str(records)
