"""Names of images as Docker reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bastide.model.container.image_name import normalise_image_name
from bastide.model.faults import Invalid

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("busybox:1.36", "docker.io/library/busybox:1.36"),
        ("team/app", "docker.io/team/app:latest"),
        ("docker.io/busybox", "docker.io/library/busybox:latest"),
        ("index.docker.io/team/app:1", "docker.io/team/app:1"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
        ("registry.example/a/b/c:v", "registry.example/a/b/c:v"),
        ("[::1]:5000/app", "[::1]:5000/app:latest"),
        ("Host/app", "Host/app:latest"),
        (f"busybox@{DIGEST}", f"docker.io/library/busybox@{DIGEST}"),
        (f"busybox:1@{DIGEST}", f"docker.io/library/busybox@{DIGEST}"),
        (
            "000000000000.dkr.ecr.us-east-1.localhost/app",
            "000000000000.dkr.ecr.us-east-1.localhost/app:latest",
        ),
        ("a__b-c--d.e", "docker.io/library/a__b-c--d.e:latest"),
    ],
)
def test_names_are_spelt_out(text: str, name: str) -> None:
    assert normalise_image_name(text) == name
    assert normalise_image_name(name) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Upper",
        "a:",
        "a:b:c",
        "a b",
        "a/",
        "/a",
        "a@sha256:123",
        "-a",
        "a..b",
        "a" * 300,
        "a\n",
        "http://a/b",
    ],
)
def test_what_is_no_name_is_invalid(text: str) -> None:
    with pytest.raises(Invalid, match="invalid reference format"):
        normalise_image_name(text)


@given(st.text(alphabet="ab.:/@-_A0", max_size=40))
def test_a_full_name_is_its_own(text: str) -> None:
    try:
        name = normalise_image_name(text)
    except Invalid:
        return
    assert normalise_image_name(name) == name
