"""What each call is about: for every service, how its resource types are found in a request."""

from collections.abc import Mapping

from bastide.api.authorization.resources import ecs, ecs_keys, identities, registry, stores, vpcs
from bastide.api.authorization.resources.found import Find, Found, Keys

FIND: Mapping[str, Mapping[str, Find]] = {
    "ec2": vpcs.FIND,
    "ecr": registry.FIND,
    "ecs": ecs.FIND,
    "iam": identities.FIND,
    "logs": stores.LOGS,
    "s3": stores.S3,
    "secretsmanager": stores.SECRETS,
    "ssm": stores.SSM,
    "sts": identities.STS,
}
KEYS: Mapping[str, Keys] = {
    "ec2": vpcs.keys,
    "ecs": ecs_keys.keys,
    "iam": identities.keys,
    "s3": stores.s3_keys,
    "secretsmanager": stores.secrets_keys,
    "ssm": stores.ssm_keys,
}

__all__ = ["FIND", "KEYS", "Find", "Found", "Keys"]
