"""GetParametersByPath and DescribeParameters: paths, filters, pages."""

from typing import Any

import pytest

from tests.unit.api.ssm.conftest import Parameters, refusal

NAMES = ("/a/one", "/a/two", "/a/b/three", "/a/b/c/four", "/ab/five", "six")


@pytest.fixture
async def filled(parameters: Parameters) -> Parameters:
    for name in NAMES:
        secure = {"Type": "SecureString"} if name.endswith("two") else {}
        await parameters.put(name, name, Tags=[{"Key": "last", "Value": name.rsplit("/", 1)[-1]}], **secure)
    return parameters


async def below(parameters: Parameters, path: str, **params: Any) -> list[str]:
    names: list[str] = []
    while True:
        page = await parameters.call("GetParametersByPath", Path=path, **params)
        names += [each["Name"] for each in page["Parameters"]]
        if (token := page.get("NextToken")) is None:
            return names
        params["NextToken"] = token


async def described(parameters: Parameters, **params: Any) -> list[str]:
    names: list[str] = []
    while True:
        page = await parameters.call("DescribeParameters", **params)
        names += [each["Name"] for each in page["Parameters"]]
        if (token := page.get("NextToken")) is None:
            return names
        params["NextToken"] = token


async def test_get_parameters_by_path_goes_one_level_or_all(filled: Parameters) -> None:
    assert await below(filled, "/a") == ["/a/one", "/a/two"]
    assert await below(filled, "/a/") == ["/a/one", "/a/two"]
    everything = ["/a/b/c/four", "/a/b/three", "/a/one", "/a/two"]
    assert await below(filled, "/a", Recursive=True) == everything
    assert await below(filled, "/a", Recursive=True, MaxResults=1) == everything
    assert await below(filled, "/", Recursive=True) == [*everything, "/ab/five"]
    assert await below(filled, "/nothing") == []
    for path in ("a", "", "/a//b", "/a b"):
        assert (await refusal(below(filled, path)))[0] == "ValidationException"
    assert (await refusal(below(filled, "/a", MaxResults=11)))[0] == "ValidationException"


async def test_values_come_along_decrypted_when_asked(filled: Parameters) -> None:
    plain = await filled.call("GetParametersByPath", Path="/a")
    assert [each["Value"] == each["Name"] for each in plain["Parameters"]] == [True, False]
    opened = await filled.call("GetParametersByPath", Path="/a", WithDecryption=True)
    assert [each["Value"] for each in opened["Parameters"]] == ["/a/one", "/a/two"]


async def test_by_path_takes_filters_of_type_and_label(filled: Parameters) -> None:
    secure = [{"Key": "Type", "Values": ["SecureString"]}]
    assert await below(filled, "/a", Recursive=True, ParameterFilters=secure) == ["/a/two"]
    await filled.call("LabelParameterVersion", Name="/a/one", Labels=["good"])
    await filled.put("/a/one", "newer", Overwrite=True)
    labelled = await filled.call(
        "GetParametersByPath", Path="/a", ParameterFilters=[{"Key": "Label", "Values": ["good"]}]
    )
    assert [(each["Value"], each["Version"]) for each in labelled["Parameters"]] == [("/a/one", 1)]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ([{"Key": "Name", "Values": ["six", "/a/one"]}], ["/a/one", "six"]),
        ([{"Key": "Name", "Option": "BeginsWith", "Values": ["/ab"]}], ["/ab/five"]),
        ([{"Key": "Name", "Option": "Contains", "Values": ["b"]}], ["/a/b/c/four", "/a/b/three", "/ab/five"]),
        ([{"Key": "Path", "Values": ["/a/b"]}], ["/a/b/three"]),
        ([{"Key": "Path", "Option": "Recursive", "Values": ["/a/b"]}], ["/a/b/c/four", "/a/b/three"]),
        ([{"Key": "Type", "Values": ["SecureString"]}], ["/a/two"]),
        ([{"Key": "KeyId", "Option": "BeginsWith", "Values": ["alias/"]}], ["/a/two"]),
        ([{"Key": "Tier", "Values": ["Advanced"]}], []),
        ([{"Key": "tag:last", "Values": ["six", "one"]}], ["/a/one", "six"]),
        ([{"Key": "Type", "Values": ["String"]}, {"Key": "tag:last", "Values": ["two"]}], []),
    ],
)
async def test_describe_parameters_filters(filled: Parameters, filters: Any, names: list[str]) -> None:
    assert await described(filled, ParameterFilters=filters) == names
    assert await described(filled, ParameterFilters=filters, MaxResults=1) == names


async def test_the_older_filters_begin_with(filled: Parameters) -> None:
    assert await described(filled, Filters=[{"Key": "Name", "Values": ["/a/b"]}]) == [
        "/a/b/c/four",
        "/a/b/three",
    ]


@pytest.mark.parametrize(
    ("filters", "code"),
    [
        ([{"Key": "Label", "Values": ["x"]}], "InvalidFilterKey"),
        ([{"Key": "Type", "Option": "Contains", "Values": ["x"]}], "InvalidFilterOption"),
        ([{"Key": "Name", "Values": []}], "InvalidFilterValue"),
        ([{"Key": "Name", "Values": ["x"] * 51}], "InvalidFilterValue"),
        ([{"Key": "Name", "Values": ["x"]}] * 2, "InvalidFilterKey"),
    ],
)
async def test_filters_that_cannot_be(filled: Parameters, filters: Any, code: str) -> None:
    assert (await refusal(described(filled, ParameterFilters=filters)))[0] == code


async def test_a_token_of_another_listing_is_refused(filled: Parameters) -> None:
    page = await filled.call("DescribeParameters", MaxResults=1)
    token = page["NextToken"]
    assert (await refusal(below(filled, "/a", NextToken=token)))[0] == "InvalidNextToken"
    assert (await refusal(described(filled, NextToken="x")))[0] == "InvalidNextToken"
