"""Client tokens: a call that makes something, sent twice with one token, makes it once.

The first answer is kept for a day and given again. A token belongs to a scope and an operation; with other
parameters it raises Conflict (EC2 API reference, "Ensuring idempotency").
"""

import hashlib

import msgspec

from bastide.api.operation import Context, Params, Result, Run
from bastide.model.faults import Conflict
from bastide.store import Record, Txn

KIND = "ec2-client-token"
LIFE_S = 24 * 3600
SWEPT = 10  # old ones forgotten with each new one: they never gather


def repeatable(run: Run) -> Run:
    """The operation, with the answer of its first run where the token was used before."""

    def once(txn: Txn, context: Context, params: Params) -> Result:
        token = params.get("ClientToken")
        if not token:
            return run(txn, context, params)
        _sweep(txn, context)
        key = f"{context.scope}/{run.__name__}/{token}"
        digest = hashlib.sha256(msgspec.json.encode(params, order="sorted")).hexdigest()
        kept = txn.get(KIND, key)
        if kept is not None:
            if kept.document["request"] != digest:
                why = "The client token was already used in a request with different parameters."
                raise Conflict("client token", why=why)
            answer: Result = kept.document["answer"]
            return answer
        answer = run(txn, context, params)
        made = {"request": digest, "answer": answer, "until": context.now_s + LIFE_S}
        txn.put(Record(KIND, key, context.scope, made, name=f"{made['until']:017.3f}"))
        return answer

    return once


def _sweep(txn: Txn, context: Context) -> None:
    for record in txn.find(KIND, scope=context.scope, limit=SWEPT):
        if record.document["until"] < context.now_s:
            txn.delete(record)


def echoed(params: Params) -> Result:
    """The token, which most answers give back where there was one."""
    token = params.get("ClientToken")
    return {"ClientToken": token} if token else {}
