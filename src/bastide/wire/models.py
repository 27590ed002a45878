"""The service models of the installed botocore: the only module that imports it.

Owns finding, loading and stripping a model, and what can be said of a service without naming any.
Models load on first use and stay: documentation, two thirds of their size, is dropped while loading.
"""

import gzip
import json
import os
import zlib
from collections import defaultdict
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from botocore.loaders import Loader
from botocore.model import ServiceModel

from bastide.wire.http import WireError

Shape: TypeAlias = Any  # botocore.model.Shape; botocore ships no types
Operation: TypeAlias = Any  # botocore.model.OperationModel

METADATA_HEAD_BYTES = 4096  # every model starts with its metadata, well inside this
_SUFFIXES = (".json.gz", ".json")
_MODEL_FILES = tuple(f"service-2{suffix}" for suffix in _SUFFIXES)
_GZIP = zlib.MAX_WBITS | 16  # zlib.decompressobj: a gzip header is expected


class _PlainLoader:
    """Reads model files into plain dicts, several times faster than botocore's own ordered ones."""

    def exists(self, file_path: str) -> bool:
        return any(os.access(file_path + suffix, os.R_OK) for suffix in _SUFFIXES)  # asked 440 times

    def load_file(self, file_path: str) -> Any:
        for suffix in _SUFFIXES:
            path = Path(file_path + suffix)
            if path.is_file():
                packed = path.read_bytes()
                return _undocumented(
                    msgspec.json.decode(gzip.decompress(packed) if path.suffix == ".gz" else packed)
                )
        return None


def _undocumented(description: Any) -> Any:
    """Drops the documentation of a service, its operations, shapes and members, in place."""
    for holder in (description, *description.get("operations", {}).values()):
        holder.pop("documentation", None)
    for shape in description.get("shapes", {}).values():
        shape.pop("documentation", None)
        for member in (*shape.get("members", {}).values(), shape.get("member", {})):
            member.pop("documentation", None)
    return description


class ErrorShape(msgspec.Struct, frozen=True):
    """What the model says of one error: HTTP status (where it says), whose fault, its shape."""

    code: str
    name: str
    status: int | None
    is_fault: bool
    shape: Shape


class Service:
    """One service's model, as the protocols need it."""

    def __init__(self, name: str, model: Any) -> None:
        metadata = model.metadata
        self.name = name
        self.model = model
        self.signing_name: str = model.signing_name
        self.target_prefix: str = metadata.get("targetPrefix", "")
        self.protocols: tuple[str, ...] = tuple(metadata.get("protocols") or [metadata["protocol"]])
        self.version: str = metadata["apiVersion"]
        self.xmlns: str = metadata.get("xmlNamespace", "")
        self.json_version: str = metadata.get("jsonVersion", "1.1")
        self.is_query_compatible: bool = model.is_query_compatible
        # Services signed the S3 way answer errors as a bare <Error>, all other XML ones wrap it.
        self.has_bare_errors: bool = metadata.get("signatureVersion", "") in ("s3", "s3v4")

    def status_of(self, error: WireError) -> int:
        """The HTTP status an error goes out with: its own, the model's, or its side's default."""
        modelled = self.errors.get(error.code)
        if error.status is not None:
            return error.status
        if modelled is not None and modelled.status is not None:
            return modelled.status
        return 500 if error.is_fault or (modelled is not None and modelled.is_fault) else 400

    @cached_property
    def takes_gzip(self) -> bool:
        """Whether clients may compress the bodies of some of its operations."""
        return any(self.operation(name).request_compression for name in self.operations)

    @cached_property
    def operations(self) -> frozenset[str]:
        return frozenset(self.model.operation_names)

    def operation(self, name: str) -> Operation:
        """Preconditions: `name` is in `operations`."""
        return self.model.operation_model(name)

    @cached_property
    def errors(self) -> Mapping[str, ErrorShape]:
        """Every error of the model, found by its code on the wire and by its shape's name."""
        found: dict[str, ErrorShape] = {}
        for shape in self.model.error_shapes:
            meta = shape.metadata.get("error", {})
            is_fault = bool(shape._shape_model.get("fault")) or meta.get("httpStatusCode", 400) >= 500
            error = ErrorShape(shape.error_code, shape.name, meta.get("httpStatusCode"), is_fault, shape)
            found.setdefault(shape.name, error)
            found[error.code] = error
        return found


class _Card(msgspec.Struct, frozen=True):
    """What is known of a service before its model is loaded."""

    name: str
    signing_name: str
    target_prefix: str
    version: str


def _latest_model(folder: str) -> str | None:
    """Its path: of folders named by dates, the last that has one."""
    for version in reversed(_folders(folder)):
        for name in _MODEL_FILES:
            if os.access(path := f"{version.path}/{name}", os.R_OK):
                return path
    return None


def _folders(path: str) -> "list[os.DirEntry[str]]":
    with os.scandir(path) as entries:
        return sorted((entry for entry in entries if entry.is_dir()), key=lambda entry: entry.name)


def _read_card(folder: "os.DirEntry[str]") -> _Card | None:
    path = _latest_model(folder.path)
    if path is None:
        return None
    with open(path, "rb") as file:  # noqa: PTH123 -- one of hundreds
        packed = file.read(METADATA_HEAD_BYTES)
    if path.endswith(".gz"):
        packed = zlib.decompressobj(wbits=_GZIP).decompress(packed, METADATA_HEAD_BYTES)
    head = packed.decode("utf-8", "replace")
    metadata, _ = json.JSONDecoder().raw_decode(head, head.index("{", head.index('"metadata"')))
    signing_name = metadata.get("signingName") or metadata["endpointPrefix"]
    return _Card(folder.name, signing_name, metadata.get("targetPrefix", ""), metadata["apiVersion"])


@cache
def _cards() -> tuple[_Card, ...]:
    """Every service botocore knows, from the first bytes of each model (0.1 s, once)."""
    cards = (_read_card(folder) for folder in _folders(Loader.BUILTIN_DATA_PATH))
    return tuple(card for card in cards if card is not None)


@cache
def _loader() -> Any:
    """One for all: botocore's looks through all services when it is first asked for a model."""
    return Loader(
        extra_search_paths=[Loader.BUILTIN_DATA_PATH],
        file_loader=_PlainLoader(),
        include_default_search_paths=False,
    )


@cache
def names_by_signing_name() -> Mapping[str, tuple[str, ...]]:
    """Signing name to the services that share it."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for card in _cards():
        found[card.signing_name].append(card.name)
    return {signing_name: tuple(names) for signing_name, names in found.items()}


@cache
def names_by_target() -> Mapping[str, str]:
    """`X-Amz-Target` prefix to service."""
    return {card.target_prefix: card.name for card in reversed(_cards()) if card.target_prefix}


@cache
def names_by_version() -> Mapping[tuple[str, str], str]:
    """(Signing name, API version) to service: tells apart what shares one scope."""
    return {(card.signing_name, card.version): card.name for card in reversed(_cards())}


@cache
def service(name: str) -> Service:
    """The service of that name, loaded when first asked for. Raises KeyError for an unknown one."""
    if name not in {card.name for card in _cards()}:
        raise KeyError(name)
    return Service(name, ServiceModel(_loader().load_service_model(name, "service-2"), name))


@cache
def nameless() -> Service:
    """A service without operations, to say in any protocol that nobody knows which one was meant."""
    metadata = {"apiVersion": "", "endpointPrefix": "", "protocol": ""}
    return Service("", ServiceModel({"metadata": metadata, "operations": {}, "shapes": {}}, ""))
