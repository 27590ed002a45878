"""An image's name as Docker spells it out: `registry/path:tag` or `registry/path@digest`, nothing implied."""

import re

import msgspec

from bastide.model.faults import Invalid

NAME_MAX_CHARS = 255
_DOCKER_HUB = "docker.io"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
_IPV6 = r"\[[0-9a-fA-F:]+\]"
_REFERENCE = re.compile(
    rf"(?P<registry>(?:{_HOST}|{_IPV6})(?::[0-9]+)?)/"
    rf"(?P<path>{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?"
)
# <account>.dkr.ecr[-fips].<region>.<domain>/…: Amazon ECR user guide, "Private registry"
_PRIVATE_ECR = re.compile(r"[0-9]{12}\.dkr[.-]ecr(-fips)?\.[a-z0-9-]+\.[a-z0-9.-]+(:[0-9]+)?/.+")


class ImageName(msgspec.Struct, frozen=True, kw_only=True):
    """A full name in its parts; either a tag or a digest."""

    registry: str
    path: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}" if self.digest else f"{self.repository}:{self.tag}"

    @property
    def repository(self) -> str:
        """Registry and path."""
        return f"{self.registry}/{self.path}"

    def at(self, digest: str) -> "ImageName":
        """What the name stands for, pinned."""
        return ImageName(registry=self.registry, path=self.path, digest=digest)


def normalise_image_name(text: str) -> str:
    """The full name: registry docker.io, path library/… and tag latest where nothing is said.

    A digest makes the tag void, as it does for `docker pull`. Invalid when it is no image name.
    """
    return str(parse_image_name(text))


def parse_image_name(text: str) -> ImageName:
    """The parts of a name, what is implied filled in; Invalid when it is no image name."""
    first, slash, rest = text.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost" or first != first.lower())
    registry, path = (first, rest) if named else (_DOCKER_HUB, text)
    if registry == "index.docker.io":
        registry = _DOCKER_HUB
    if registry == _DOCKER_HUB and "/" not in path.partition("@")[0]:
        path = f"library/{path}"
    found = _REFERENCE.fullmatch(f"{registry}/{path}")
    if found is None or len(f"{found['registry']}/{found['path']}") > NAME_MAX_CHARS:
        raise Invalid("image", text, why=f"invalid reference format: {text!r}")
    tag = "" if found["digest"] else found["tag"] or "latest"
    return ImageName(registry=found["registry"], path=found["path"], tag=tag, digest=found["digest"] or "")


def is_private_ecr(image: str) -> bool:
    """Whether the image lies in a registry of ECR's, so that pulling it takes the execution role."""
    return _PRIVATE_ECR.fullmatch(image) is not None
