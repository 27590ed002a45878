"""Volumes of a task definition and where its containers mount them."""

import re
from collections.abc import Mapping, Sequence

from bastide.api.ecs.checks import Document, null_in, refuse

VOLUME_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
KINDS = (
    "dockerVolumeConfiguration",
    "efsVolumeConfiguration",
    "s3filesVolumeConfiguration",
    "fsxWindowsFileServerVolumeConfiguration",
)
FARGATE_REJECTS = ("dockerVolumeConfiguration", "fsxWindowsFileServerVolumeConfiguration")


def check_volumes(volumes: Sequence[Document], *, task_role: bool) -> None:
    """Names, kinds and each kind's own rules."""
    names: set[str] = set()
    for volume in volumes:
        if where := null_in(volume, "Volume"):
            refuse(f"{where} contains invalid characters.")
        name = volume.get("name", "")
        if not VOLUME_NAME.fullmatch(name):
            refuse(f"Invalid volume name '{name}'. It has 1 to 255 letters, digits, underscores and hyphens.")
        if name in names:
            refuse(f"Volume name '{name}' is used more than once in the task definition.")
        names.add(name)
        _check_kind(volume, task_role=task_role)
    if sum(bool(volume.get("configuredAtLaunch")) for volume in volumes) > 1:
        refuse("Only one volume that is configured at launch is supported per task definition.")


def _check_kind(volume: Document, *, task_role: bool) -> None:
    kinds = sum(kind in volume for kind in KINDS) + bool(volume.get("host", {}).get("sourcePath"))
    if kinds + bool(volume.get("configuredAtLaunch")) > 1:
        refuse(f"Volume '{volume['name']}' can have only one kind of configuration.")
    if efs := volume.get("efsVolumeConfiguration"):
        _check_efs(efs)
    if "s3filesVolumeConfiguration" in volume and not task_role:
        refuse("When you are specifying an S3 Files volume, you must also specify a value for 'taskRoleArn'.")


def _check_efs(efs: Document) -> None:
    encrypted = efs.get("transitEncryption") == "ENABLED"
    authorization = efs.get("authorizationConfig", {})
    if authorization.get("accessPointId") and efs.get("rootDirectory", "/") not in ("", "/"):
        refuse("When an EFS access point is used, the root directory must be omitted or set to '/'.")
    if authorization.get("accessPointId") and not encrypted:
        refuse("When an EFS access point is used, transit encryption must be ENABLED.")
    if authorization.get("iam") == "ENABLED" and not encrypted:
        refuse("When EFS IAM authorization is ENABLED, transit encryption must be ENABLED.")
    port = efs.get("transitEncryptionPort")
    if port is not None and not encrypted:
        refuse("A transitEncryptionPort can be set only when transit encryption is ENABLED.")
    if port is not None and not 0 <= port <= 65535:
        refuse("The transitEncryptionPort must be between 0 and 65535.")


def check_mounts(containers: Sequence[Document], volumes: Sequence[Document]) -> None:
    """What containers mount exists, and a volume that is configured at launch is mounted somewhere."""
    names = {volume["name"] for volume in volumes}
    owners = {container["name"]: container for container in containers}
    mounted: set[str] = set()
    for container in containers:
        paths: set[str] = set()
        for mount in container.get("mountPoints", ()):
            volume, path = mount.get("sourceVolume"), mount.get("containerPath")
            if volume not in names:
                refuse(f"Unknown volume '{volume or ''}'.")
            if not path:
                refuse("MountPoint.containerPath should not be null or empty.")
            if path in paths:
                refuse(f"Duplicate mount point '{path}' in container '{container['name']}'.")
            paths.add(path)
            mounted.add(volume)
        _check_borrowed(container, owners)
    unused = [v["name"] for v in volumes if v.get("configuredAtLaunch") and v["name"] not in mounted]
    if unused:
        refuse(f"Volumes [{', '.join(unused)}] are not referenced by any of the containers")


def _check_borrowed(container: Document, owners: Mapping[str, Document]) -> None:
    for borrowed in container.get("volumesFrom", ()):
        owner = borrowed.get("sourceContainer") or ""
        if owner not in owners:
            refuse(f"Unknown container '{owner}' in volumesFrom of container '{container['name']}'.")
        if owner == container["name"]:
            refuse(f"Container '{owner}' cannot mount volumes from itself.")


def check_fargate_volumes(volumes: Sequence[Document]) -> None:
    """What of volumes Fargate does not have."""
    for volume in volumes:
        if volume.get("host", {}).get("sourcePath"):
            refuse("Fargate compatible task definitions do not support sourcePath")
        for kind in FARGATE_REJECTS:
            if kind in volume:
                refuse(f"Fargate compatible task definitions do not support {kind}")
