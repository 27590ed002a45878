"""`bastide env`, `configure` and `admin`: what the aws CLI and the SDKs need to know, and the key of it.

The secret key goes to stdout or into the user's own credentials file, never into an argument list.
"""

import argparse
import os
import pwd
import re
import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bastide.cli.commands import Command, say
from bastide.cli.operator.told import tell_audit_log
from bastide.config import Settings
from bastide.model.faults import NotFound

PROFILE = "bastide"
HOW = """\
how to trust it (`NAME` is the registry's name with its port, as `aws ecr describe-repositories` shows it):
  this machine    bastide ca print > /usr/local/share/ca-certificates/bastide.crt; update-ca-certificates
  docker          bastide ca print > /etc/docker/certs.d/NAME/ca.crt    (not needed on this machine)
  skopeo, buildah bastide ca print > /etc/containers/certs.d/NAME/ca.crt
  curl            curl --cacert FILE
  aws, boto3      AWS_CA_BUNDLE=FILE"""


def env(settings: Settings, args: argparse.Namespace) -> int:
    """Print `export` lines for `eval`."""
    for name, value in client_environment(settings).items():
        say(f"export {name}={shlex.quote(value)}")
    return 0


def client_environment(settings: Settings) -> dict[str, str]:
    """The variables that make a client talk to this installation as its admin."""
    from bastide.api.keys.admin import key_file, read_admin_key

    try:
        key = read_admin_key(key_file(settings))
    except NotFound as error:
        why = f"The instance {settings.instance} has no key yet: it was never started. Type: bastide up"
        raise NotFound("admin key", why=why) from error
    return {
        "AWS_ENDPOINT_URL": settings.endpoint,
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
        # Live Tail would ask for the host `stream-…` otherwise, a name that no resolver here knows.
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
    }


def configure(settings: Settings, args: argparse.Namespace) -> int:
    """Write the profile into the files of whoever called us, also through sudo."""
    values = client_environment(settings)
    user = calling_user(os.environ)
    own_home = os.environ.get("HOME") if user.pw_uid == os.getuid() else None
    home = Path(own_home or user.pw_dir)
    credentials = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or home / ".aws" / "credentials")
    config = Path(os.environ.get("AWS_CONFIG_FILE") or home / ".aws" / "config")
    keys = {
        "aws_access_key_id": values["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": values["AWS_SECRET_ACCESS_KEY"],
    }
    place = {
        "region": values["AWS_REGION"],
        "endpoint_url": values["AWS_ENDPOINT_URL"],
        "disable_host_prefix_injection": values["AWS_DISABLE_HOST_PREFIX_INJECTION"],
    }
    write_section(credentials, PROFILE, keys, user)
    write_section(config, f"profile {PROFILE}", place, user)
    say(f"The profile `{PROFILE}` is in {config} and {credentials}. Try:")
    say(f"  aws --profile {PROFILE} ecs list-clusters")
    return 0


def calling_user(environ: Mapping[str, str]) -> pwd.struct_passwd:
    """Who typed the command: sudo says whom it was called by."""
    uid = os.getuid()
    if uid == 0 and environ.get("SUDO_UID", "").isdigit():
        uid = int(environ["SUDO_UID"])
    return pwd.getpwuid(uid)


def write_section(path: Path, section: str, values: Mapping[str, str], user: pwd.struct_passwd) -> None:
    """Replace one section of an INI file, or add it; every other line stays as it is."""
    if not path.parent.exists():
        path.parent.mkdir(mode=0o700, parents=True)
        os.chown(path.parent, user.pw_uid, user.pw_gid)
    path = path.resolve()  # a link into somebody's dotfiles stays a link
    before = path.read_text() if path.exists() else ""
    handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            os.fchown(handle, user.pw_uid, user.pw_gid)  # mkstemp: readable by its owner alone
            file.write(render_with_section(before, section, values))
        Path(fresh).replace(path)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise


def render_with_section(text: str, section: str, values: Mapping[str, str]) -> str:
    """The INI text with this section holding these values and nothing else."""
    kept: list[str] = []
    is_ours = False
    for line in text.splitlines():
        if header := re.match(r"\s*\[([^]]*)\]", line):
            is_ours = header[1].strip() == section
        if not is_ours:
            kept.append(line)
    while kept and not kept[-1].strip():
        kept.pop()
    body = [f"[{section}]", *(f"{name} = {value}" for name, value in values.items())]
    return "\n".join([*kept, *([""] if kept else []), *body]) + "\n"


def admin(settings: Settings, args: argparse.Namespace) -> int:
    """Give the installation's admin another key. Raises NotFound before the first start."""
    from bastide.api.keys.admin import key_file, reset_admin_key

    client_environment(settings)
    file = key_file(settings)
    owner = file.stat()
    os.setegid(owner.st_gid)  # the server, which has no privileges, is to read what is written
    os.seteuid(owner.st_uid)
    key = reset_admin_key(file)
    tell_audit_log(settings, "ResetAdminKey", accessKeyId=key.access_key_id)
    say(f"The admin's key is {key.access_key_id} from now on; the one before signs nothing any more.")
    say('Type: eval "$(bastide env)", or: bastide configure')
    return 0


def ca(settings: Settings, args: argparse.Namespace) -> int:
    """Print it as PEM. Raises NotFound before the first start."""
    from bastide.api.tls import authority_file

    path = authority_file(settings)
    try:
        say(path.read_text().rstrip())
    except FileNotFoundError as error:
        why = f"The instance {settings.instance} has no authority yet: it was never started. Type: bastide up"
        raise NotFound("certificate", str(path), why=why) from error
    return 0


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = HOW
    parser.add_argument("act", choices=["print"], metavar="print", help="write the certificate to the output")


def _add_admin_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "act", choices=["reset-key"], metavar="reset-key", help="make another key, and end the one there is"
    )


COMMANDS = (
    Command("env", 'print settings for clients: eval "$(bastide env)"', env),
    Command("configure", f"write the profile `{PROFILE}` for the aws CLI", configure),
    Command("admin", "give the admin another access key", admin, _add_admin_arguments),
    Command("ca", "print the certificate authority that clients are to trust", ca, _add_arguments),
)
