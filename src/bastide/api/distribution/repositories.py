"""The repository of a push: the one that is there, or one made by a template for creation on push."""

from bastide.api.distribution.parts import Parts
from bastide.api.ecr.templates import make_repository
from bastide.model.faults import AlreadyExists, NotFound
from bastide.store import Record, Txn
from bastide.store.registry.repositories import find_repository
from bastide.store.registry.rules import ON_PUSH, find_template


async def repository_to_push(parts: Parts, name: str) -> Record:
    """The repository's record; raises NotFound."""
    try:
        return await parts.store.view(lambda txn: find_repository(txn, parts.scope, name))
    except NotFound as error:
        made = await parts.store.update(lambda txn: _make(txn, parts, name))
        if made is None:
            raise error
        return made


def _make(txn: Txn, parts: Parts, name: str) -> Record | None:
    template = find_template(txn, parts.scope, name, applied_for=ON_PUSH)
    if template is None:
        return None
    try:
        return make_repository(txn, parts.settings, parts.scope, name, template, now_s=parts.now_s)
    except AlreadyExists:  # of two layers of one push, the other one made it
        return find_repository(txn, parts.scope, name)
