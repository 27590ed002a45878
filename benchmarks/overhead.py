"""What signature and permissions add to a request: RunTask by a user who has the policy of permissions.py.

    python -m benchmarks.overhead

Needs neither root nor an installation; a store of its own, on disk. Processor time of one request after the
other: on the event loop, and in the operation's own transaction, where the permission is asked. Of that what
the operation then need not read again is taken off: every other request only reads what RunTask reads, its
task definition and the role. The limit is 200 µs a request for both.
"""

import asyncio
import json
import statistics
import tempfile
import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bastide.api.authorization.authority import Authority, Guard
from bastide.api.authorization.signers import in_region
from bastide.api.ecs.task_definitions import find_task_definition
from bastide.api.iam.identities.entities import find_given_role
from bastide.api.keys.admin import AdminKey
from bastide.api.keys.signing import Keys
from bastide.api.operation import Context, Origin
from bastide.store import Store, Txn
from bastide.wire.http import Request
from bastide.wire.sigv4 import claim_of, verify
from benchmarks.figures import Figure, figure, render_table
from benchmarks.permissions import ACCOUNT, policy_text
from tests import roles
from tests.account import VAULT, Account

CALLS = 300
ROUNDS = 15
PARAMS = {"cluster": "default", "taskDefinition": "web:1"}
ENDPOINT = "http://127.0.0.1:4566"


class Parts(NamedTuple):
    """Microseconds of one request: `reading` is what it reads anyway, `permission` both."""

    signature: float
    permission: float
    reading: float


class Caller:
    """A user of an account that has a family `web`; each call is one request, as far as it is measured."""

    def __init__(self, account: Account, key: dict[str, str]) -> None:
        self._account, self._key = account, key
        self._request = _signed(key, account.region)
        admin = AdminKey("AKIAADMINADMINADMINA", "s" * 40)
        self._keys = Keys(admin, account=account.context.caller.account, store=account.store, vault=VAULT)
        self._authority = Authority(account.store)

    @classmethod
    async def make(cls, store: Store) -> "Caller":
        """The user, the policy and what it is about."""
        account = Account(store)
        account.now = datetime.now(UTC)
        await account.register()
        await account.role(roles.NAME)
        await account.call(
            "CreateUser", service="iam", UserName="ann", Tags=[{"Key": "team", "Value": "red"}]
        )
        text = policy_text().replace(ACCOUNT, account.context.caller.account)
        policy = await account.call("CreatePolicy", service="iam", PolicyName="own", PolicyDocument=text)
        arn = policy["Policy"]["Arn"]
        await account.call("AttachUserPolicy", service="iam", UserName="ann", PolicyArn=arn)
        made = await account.call("CreateAccessKey", service="iam", UserName="ann")
        return cls(account, made["AccessKey"])

    async def ask(self) -> Parts:
        """One request, timed; it has to be allowed."""
        now, started_at = datetime.now(UTC), time.thread_time()
        claim = claim_of(self._request)
        signer = await self._keys.find(claim.access_key_id, claim.token)
        assert signer is not None
        identity = verify(self._request, lambda key: signer.secret, now=now, claim=claim)
        signature_s = time.thread_time() - started_at
        admin = self._account.context
        ctx = Context(
            caller=in_region(signer.caller, identity.region),
            now=now,
            request_id="r",
            settings=admin.settings,
            vault=admin.vault,
            origin=Origin(address=self._request.client, user_agent="benchmark"),
        )
        started_at = time.thread_time()
        guard = await self._authority.guard(ctx, "ecs", "RunTask", PARAMS)
        await self._keys.note_use(identity.access_key_id, "ecs", ctx)
        guarded_s = time.thread_time() - started_at
        assert guard is not None
        guarded_s += await self._account.store.view(lambda txn: _took_s(txn, ctx, guard))
        reading_s = await self._account.store.view(lambda txn: _took_s(txn, ctx, None))
        return Parts(signature_s * 1e6, guarded_s * 1e6, reading_s * 1e6)

    def sign(self) -> float:
        """Microseconds that botocore takes to make and sign such a request, at the client's side."""
        started_at = time.thread_time()
        _signed(self._key, self._account.region)
        return (time.thread_time() - started_at) * 1e6


def _took_s(txn: Txn, ctx: Context, guard: Guard | None) -> float:
    """What the decision, if there is one, and what is read then take in a transaction that has begun."""
    txn.get("cluster", "default")  # which the operation looks at first
    started_at = time.thread_time()
    if guard is not None:
        txn.read_ahead(guard)
    definition = find_task_definition(txn, ctx, PARAMS["taskDefinition"]).document["taskDefinition"]
    assert find_given_role(txn, ctx.caller.account, definition["executionRoleArn"]) is not None
    return time.thread_time() - started_at


def _signed(key: dict[str, str], region: str) -> Request:
    body = json.dumps(PARAMS).encode()
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.RunTask",
        "Host": ENDPOINT.rpartition("/")[2],
    }
    asked = AWSRequest("POST", f"{ENDPOINT}/", headers=headers, data=body)
    SigV4Auth(Credentials(key["AccessKeyId"], key["SecretAccessKey"]), "ecs", region).add_auth(asked)
    named: dict[str, Any] = {name.lower(): value for name, value in asked.headers.items()}
    return Request("POST", "/", "", named, body, "203.0.113.9")


async def measure_overhead() -> list[Figure]:
    """Medians of rounds: the signature, the permission, and both."""
    with tempfile.TemporaryDirectory() as folder:
        store = await Store.open(f"sqlite:///{folder}/store.db")
        caller = await Caller.make(store)
        rounds: list[Parts] = []
        signed: list[float] = []
        for number in range(ROUNDS + 1):
            asked = [await caller.ask() for _ in range(CALLS)]
            signing = statistics.median(caller.sign() for _ in range(CALLS))
            if number:  # the first one compiles and loads
                signed.append(signing)
                rounds.append(Parts(*(statistics.median(part) for part in zip(*asked, strict=True))))
        await store.close()
    permissions = [one.permission - one.reading for one in rounds]
    signatures = [one.signature for one in rounds]
    return [
        figure("Whose a request is: key found, signature verified", "µs", signatures),
        figure("Whether RunTask is allowed: what it is about, 20 statements", "µs", permissions),
        figure("Both", "µs", [sum(both) for both in zip(signatures, permissions, strict=True)]),
        figure("What RunTask reads of it anyway", "µs", [one.reading for one in rounds]),
        figure("botocore signs the same request, for comparison", "µs", signed),
    ]


if __name__ == "__main__":
    print(render_table(asyncio.run(measure_overhead())))
