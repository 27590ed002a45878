"""The repository of a push: the one that is there, or one made by a template for creation on push."""

from bastide.api.distribution.parts import Parts
from bastide.store import Record
from bastide.store.registry.repositories import find_repository


async def repository_to_push(parts: Parts, name: str) -> Record:
    """The repository's record; raises NotFound."""
    return await parts.store.view(lambda txn: find_repository(txn, parts.scope, name))
