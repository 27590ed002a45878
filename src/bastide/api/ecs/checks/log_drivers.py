"""`logConfiguration` and `firelensConfiguration`: options a driver needs, and what Fargate has of them."""

import re
from collections.abc import Sequence

from bastide.api.ecs.checks import Document, refuse

FARGATE_DRIVERS = ("awslogs", "splunk", "awsfirelens")
AWSLOGS_OPTIONS = frozenset(
    {
        "awslogs-group",
        "awslogs-region",
        "awslogs-stream-prefix",
        "awslogs-create-group",
        "awslogs-datetime-format",
        "awslogs-multiline-pattern",
        "awslogs-endpoint",
        "mode",
        "max-buffer-size",
    }
)
MODES = ("blocking", "non-blocking")
_REQUIRED = {"awslogs": ("awslogs-group", "awslogs-region"), "splunk": ("splunk-token", "splunk-url")}
_REQUIRED_ON_FARGATE = {"awslogs": ("awslogs-stream-prefix",)}
_SIZE = re.compile(r"[0-9]{1,9}[kmg]?b?", re.IGNORECASE)


def check_log_driver(log: Document, *, fargate: bool, execution_role: bool) -> None:
    """One container's `logConfiguration`."""
    driver, options = log["logDriver"], log.get("options", {})
    if fargate and driver not in FARGATE_DRIVERS:
        refuse(f"{driver} is not a valid log driver. Must be one of [{','.join(FARGATE_DRIVERS)}]")
    given = options.keys() | {secret["name"] for secret in log.get("secretOptions", ())}
    wanted = _REQUIRED.get(driver, ()) + (_REQUIRED_ON_FARGATE.get(driver, ()) if fargate else ())
    missing = [option for option in wanted if option not in given]
    if missing:
        refuse(f"Log driver {driver} requires options: {', '.join(missing)}")
    if driver == "awslogs":
        _check_awslogs(options, fargate=fargate)
        if fargate and not execution_role:
            refuse(
                "Fargate requires task definition to have execution role ARN to support log driver awslogs."
            )


def _check_awslogs(options: Document, *, fargate: bool) -> None:
    if fargate and (extra := sorted(options.keys() - AWSLOGS_OPTIONS)):
        refuse(f"Log driver awslogs disallows options: {', '.join(extra)}")
    if options.get("awslogs-create-group", "true") not in ("true", "false"):
        refuse("The value of log option awslogs-create-group must be true or false.")
    if "awslogs-datetime-format" in options and "awslogs-multiline-pattern" in options:
        refuse("Log options awslogs-datetime-format and awslogs-multiline-pattern exclude each other.")
    if options.get("mode", MODES[0]) not in MODES:
        refuse(f"The value of log option mode must be one of [{','.join(MODES)}].")
    if not _SIZE.fullmatch(options.get("max-buffer-size", "1m")):
        refuse("The value of log option max-buffer-size must be a size such as 1m.")


def check_firelens(containers: Sequence[Document], *, fargate: bool) -> None:
    """awsfirelens needs exactly one log router among the containers."""
    routers = [c["firelensConfiguration"] for c in containers if c.get("firelensConfiguration")]
    if len(routers) > 1:
        refuse("A task definition can have only one container with a firelensConfiguration.")
    users = any(c.get("logConfiguration", {}).get("logDriver") == "awsfirelens" for c in containers)
    if users and not routers:
        refuse(
            "When a container uses the awsfirelens log driver, one container must have a "
            "firelensConfiguration."
        )
    kind = routers[0].get("options", {}).get("config-file-type", "file") if routers else "file"
    if kind not in ("file", "s3"):
        refuse("The config-file-type of firelensConfiguration must be file or s3.")
    if fargate and kind != "file":
        refuse("Tasks using the Fargate launch type only support the firelens config-file-type 'file'.")
