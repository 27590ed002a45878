"""Records of EC2's nouns: made, found, shown, tagged. Owns no noun's rules."""

import secrets

from bastide.api.ec2.nouns import Noun
from bastide.api.failures import row_for
from bastide.api.operation import Context, Document
from bastide.model.arn import render_arn
from bastide.model.faults import Fault, NotFound
from bastide.store import Record, Txn

ID_DIGITS = 17
AVAILABLE = "available"


def new_id(prefix: str) -> str:
    """`vpc-` and 17 hexadecimal digits, as AWS draws them."""
    return f"{prefix}-{secrets.token_hex(ID_DIGITS)[:ID_DIGITS]}"


def new_record(context: Context, of: Noun, document: Document, *, parent: str = "", name: str = "") -> Record:
    """The document as a record of the caller's, named by its id unless said otherwise."""
    key: str = document[of.id_member]
    return Record(of.kind, key, context.scope, document, parent=parent, name=name or key, status=AVAILABLE)


def find_record(txn: Txn, context: Context, of: Noun, key: str) -> Record:
    """The caller's record with this id; raises NotFound."""
    record = txn.get(of.kind, key)
    if record is None or record.scope != context.scope:
        raise NotFound(of.noun, key)
    return record


def documents_of(txn: Txn, context: Context, of: Noun) -> list[Document]:
    """Every document of the caller's, as it is shown."""
    return [shown(record.document) for record in txn.find(of.kind, scope=context.scope)]


def shown(document: Document) -> Document:
    """The document without what nobody is shown."""
    return {member: value for member, value in document.items() if not member.startswith("_")}


def put_members(txn: Txn, record: Record, **members: object) -> Record:
    """Store the record with these members of its document replaced."""
    return txn.put(record.changed(document={**record.document, **members}))


def unsuccessful(key: str, fault: Fault) -> Document:
    """What went wrong with one resource of a call that goes on with the others."""
    row = row_for("ec2", fault)
    assert row is not None, "every fault raised has a row"
    return {"ResourceId": key, "Error": {"Code": row.code, "Message": row.message}}


def ec2_arn(context: Context, resource: str) -> str:
    """`arn:aws:ec2:REGION:ACCOUNT:subnet/subnet-…`."""
    return render_arn("ec2", context.caller.region, context.caller.account, resource)
