"""What manifests are taken, and what is said of those that are not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bastide.model.faults import Invalid
from bastide.model.registry.manifest import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    LAYERS_MAX,
    MAX_BYTES,
    OCI_INDEX,
    OCI_MANIFEST,
    parse_manifest,
)

DIGEST = "sha256:" + "a" * 64
CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": DIGEST, "size": 2}
LAYER = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": DIGEST, "size": 3}


def image(**members: Any) -> bytes:
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": CONFIG, "layers": [LAYER]} | members
    return json.dumps({name: value for name, value in document.items() if value is not None}).encode()


def test_an_image_names_its_config_and_layers() -> None:
    manifest = parse_manifest(image(), OCI_MANIFEST)
    assert manifest.media_type == OCI_MANIFEST
    assert [blob.size for blob in manifest.blobs] == [2, 3]
    assert manifest.artifact_type == CONFIG["mediaType"]


def test_an_index_names_its_images() -> None:
    child = {"mediaType": OCI_MANIFEST, "digest": DIGEST, "size": 9}
    for kind in (OCI_INDEX, DOCKER_LIST):
        text = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": [child]}).encode()
        manifest = parse_manifest(text, kind)
        assert (manifest.media_type, len(manifest.children), manifest.blobs) == (kind, 1, ())


def test_an_artifact_keeps_its_type_and_subject() -> None:
    subject = {"mediaType": OCI_MANIFEST, "digest": DIGEST, "size": 9}
    manifest = parse_manifest(image(artifactType="application/x.sbom", subject=subject), "")
    assert manifest.artifact_type == "application/x.sbom"
    assert manifest.subject is not None
    assert manifest.subject.digest == DIGEST


def test_layers_that_lie_elsewhere_need_not_be_pushed() -> None:
    foreign = {**LAYER, "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"}
    assert len(parse_manifest(image(layers=[foreign]), "").blobs) == 1


def test_the_type_is_the_senders_where_the_manifest_has_none() -> None:
    assert parse_manifest(image(mediaType=None), DOCKER_MANIFEST).media_type == DOCKER_MANIFEST
    assert parse_manifest(image(mediaType=None), "").media_type == OCI_MANIFEST


@pytest.mark.parametrize(
    ("content", "told", "why"),
    [
        (b"{", "", "not valid JSON"),
        (b"\xff\xfe{}", "", "not valid JSON"),
        (b"[" * 100_000, "", "not valid JSON"),
        (b"[]", "", "not a JSON object"),
        (image(schemaVersion=1), "", "'schemaVersion' 2"),
        (image(), OCI_INDEX, "its sender"),
        (image(mediaType="text/html"), "", "not supported"),
        (image(mediaType=OCI_INDEX), "", "has not the members"),
        (image(layers=None), "", "has not the members"),
        (image(config=None), "", "'config' is not a descriptor"),
        (image(layers={}), "", "'layers' is not a list"),
        (image(layers=[{**LAYER, "size": -1}]), "", "'layers[0].size'"),
        (image(layers=[{**LAYER, "size": True}]), "", "'layers[0].size'"),
        (image(layers=[{**LAYER, "size": 2**63}]), "", "'layers[0].size'"),
        (image(layers=[{**LAYER, "digest": "sha256:../../etc/passwd"}]), "", "'layers[0].digest'"),
        (image(layers=[{**LAYER, "mediaType": "x"}]), "", "'layers[0].mediaType'"),
        (image(annotations={"a": 1}), "", "'annotations'"),
        (image(layers=[LAYER] * 10_000), "", f"more than {LAYERS_MAX}"),
        (image(comment="x" * MAX_BYTES), "", "larger than"),
    ],
)
def test_what_is_no_manifest_is_refused_with_the_reason(content: bytes, told: str, why: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_manifest(content, told)
    assert refused.value.noun == "manifest"
    assert why in refused.value.why


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(
        lambda value: json.dumps({"schemaVersion": 2, "layers": value, "config": value}).encode()
    )
)
def test_any_bytes_give_a_manifest_or_are_refused(content: bytes) -> None:
    try:
        parse_manifest(content, "")
    except Invalid as error:
        assert error.why
