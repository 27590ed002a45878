"""Blobs on disk: whole and checked, or not there."""

import hashlib
import os
from pathlib import Path

import pytest

from bastide.model.faults import Conflict, Invalid, NotFound
from bastide.store.registry.blobs import Blobs, Incoming

UPLOAD = "00000000-0000-0000-0000-000000000001"


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    made = Blobs(tmp_path / "registry")
    made.begin(UPLOAD)
    return made


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_an_upload_becomes_a_blob_under_its_digest(blobs: Blobs, algorithm: str) -> None:
    incoming = Incoming(blobs.upload_path(UPLOAD))
    incoming.write([b"one ", b"two"])
    digest = digest_of(b"one two", algorithm)
    blobs.keep(incoming, digest)
    handle = blobs.open(digest)
    assert os.read(handle, 100) == b"one two"
    os.close(handle)
    assert not blobs.upload_path(UPLOAD).exists()


def test_an_upload_goes_on_where_it_ended(blobs: Blobs) -> None:
    first = Incoming(blobs.upload_path(UPLOAD))
    first.write([b"one "])
    first.close()
    second = Incoming(blobs.upload_path(UPLOAD))
    assert second.size == 4
    second.write([b"two"])
    blobs.keep(second, digest_of(b"one two"))


def test_another_digest_keeps_nothing(blobs: Blobs) -> None:
    incoming = Incoming(blobs.upload_path(UPLOAD))
    incoming.write([b"something else"])
    with pytest.raises(Invalid):
        blobs.keep(incoming, digest_of(b"one two"))
    with pytest.raises(NotFound):
        blobs.open(digest_of(b"one two"))


def test_one_writes_at_a_time(blobs: Blobs) -> None:
    incoming = Incoming(blobs.upload_path(UPLOAD))
    with pytest.raises(Conflict):
        Incoming(blobs.upload_path(UPLOAD))
    incoming.close()
    Incoming(blobs.upload_path(UPLOAD)).close()


def test_an_upload_that_is_gone_is_told(blobs: Blobs) -> None:
    blobs.drop(UPLOAD)
    blobs.drop(UPLOAD)
    with pytest.raises(NotFound):
        Incoming(blobs.upload_path(UPLOAD))
    with pytest.raises(NotFound):
        blobs.upload_size(UPLOAD)
