"""Tags of whatever in IAM has any: added, taken away, listed."""

from collections.abc import Callable, Mapping

from bastide.api.iam.identities.entities import ROLE, USER, get_entity, with_part
from bastide.api.iam.identities.instance_profiles import get_profile
from bastide.api.iam.pages import page
from bastide.api.iam.policies.managed import get_own_policy
from bastide.api.iam.tag_rules import left_tags, merged_tags
from bastide.api.operation import Context, Operation, Params, Reads, Result, Writes
from bastide.store import Record, Txn

Find = Callable[[Txn, Context, Params], Record]


def _operations(member: str, find: Find) -> Mapping[str, Operation]:
    """The three operations on the tags of one kind of thing."""

    def tag(txn: Txn, ctx: Context, params: Params) -> Result:
        record = find(txn, ctx, params)
        txn.put(with_part(record, "tags", merged_tags(record.document["tags"], params["Tags"])))
        return {}

    def untag(txn: Txn, ctx: Context, params: Params) -> Result:
        record = find(txn, ctx, params)
        txn.put(with_part(record, "tags", left_tags(record.document["tags"], params["TagKeys"])))
        return {}

    def list_tags(txn: Txn, ctx: Context, params: Params) -> Result:
        tags = find(txn, ctx, params).document["tags"]
        return page("Tags", tags, params, name_of=lambda tag: str(tag["Key"]), shown=lambda tag: tag)

    return {
        f"Tag{member}": Writes(tag),
        f"Untag{member}": Writes(untag),
        f"List{member}Tags": Reads(list_tags),
    }


OPERATIONS: Mapping[str, Operation] = {
    **_operations("User", lambda txn, ctx, params: get_entity(txn, ctx, USER, params)),
    **_operations("Role", lambda txn, ctx, params: get_entity(txn, ctx, ROLE, params)),
    **_operations("Policy", lambda txn, ctx, params: get_own_policy(txn, ctx, params["PolicyArn"])),
    **_operations("InstanceProfile", get_profile),
}
