"""Which images need a registry login with the execution role."""

import pytest

from bastide.model.container.image_name import is_private_ecr


@pytest.mark.parametrize(
    "image",
    [
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/web",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/a/b/web:1",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:" + "0" * 64,
        "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/web",
        "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/web",
        "000000000000.dkr.ecr.us-east-1.bastide.test:4566/web",
    ],
)
def test_a_private_registry(image: str) -> None:
    assert is_private_ecr(image)


@pytest.mark.parametrize(
    "image",
    [
        "busybox",
        "public.ecr.aws/docker/library/busybox:1",
        "12345678901.dkr.ecr.us-east-1.amazonaws.com/web",
        "ghcr.io/dkr.ecr/web",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com",
        "registry.test/123456789012.dkr.ecr.us-east-1.amazonaws.com/web",
    ],
)
def test_any_other_registry(image: str) -> None:
    assert not is_private_ecr(image)
