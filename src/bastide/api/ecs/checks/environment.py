"""`environment`, `environmentFiles` and `secrets` of a container: names used once, references that can be."""

import re
from collections.abc import Sequence

from bastide.api.ecs.checks import Document, refuse
from bastide.api.task_environment.references import parse_value_from
from bastide.model.faults import Invalid

FILES_MAX = 10
_S3_OBJECT = re.compile(r"arn:aws[a-z-]*:s3:::[^/]+/.+")
_ANY_SCOPE = "000000000000/us-east-1"  # only the form is looked at
# Why a `valueFrom` cannot be, by what `parse_value_from` says of it.
_REFUSALS = {
    "parameter name": "The Systems Manager parameter name specified for secret {name} is invalid. The "
    "parameter name can be up to 2048 characters and include the following letters and symbols: "
    "a-zA-Z0-9_.-",
    "ARN": "The ARN specified for secret {name} is invalid. It must be that of a Systems Manager "
    "parameter or of a Secrets Manager secret, the latter alone or followed by "
    ":json-key:version-stage:version-id.",
    "version": "The ARN specified for secret {name} is invalid. A version stage and a version id "
    "exclude each other.",
}


def check_environment(container: Document, *, execution_role: bool) -> None:
    """All of it together, and that there is a role to fetch it with."""
    variables = {variable.get("name") for variable in container.get("environment", ())}
    if variables & {None, ""}:
        refuse("Environment variable name should not be null or empty.")
    secrets = container.get("secrets", ())
    for secret in secrets:
        if secret["name"] in variables:
            refuse(
                "The secret name must be unique and not shared with any new or existing environment "
                f"variables set on the container, such as '{secret['name']}'."
            )
        variables.add(secret["name"])
    log_secrets = container.get("logConfiguration", {}).get("secretOptions", ())
    for given, what in (
        (secrets or log_secrets, "container secrets"),
        (container.get("repositoryCredentials"), "repositoryCredentials"),
        (container.get("environmentFiles"), "environmentFiles"),
    ):
        if given and not execution_role:
            refuse(f"When you are specifying {what}, you must also specify a value for 'executionRoleArn'.")
    for secret in (*secrets, *log_secrets):
        _check_secret(secret)
    check_environment_files(container.get("environmentFiles", ()))


def _check_secret(secret: Document) -> None:
    if not secret["name"]:
        refuse("Secret name should not be null or empty.")
    try:
        parse_value_from(secret["valueFrom"], _ANY_SCOPE)
    except Invalid as error:
        refuse(_REFUSALS[error.why].format(name=secret["name"]))


def check_environment_files(files: Sequence[Document]) -> None:
    """Where the files lie and how many there are; holds for overrides too."""
    if len(files) > FILES_MAX:
        refuse(f"A container can have at most {FILES_MAX} environment files.")
    for file in files:
        if not _S3_OBJECT.fullmatch(file["value"]) or not file["value"].endswith(".env"):
            refuse("An environment file must be the ARN of an S3 object whose name ends in .env.")
