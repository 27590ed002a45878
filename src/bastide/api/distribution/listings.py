"""What is listed: tags, referrers, repositories; and the answer to "is this a registry?"."""

from typing import Any
from urllib.parse import quote

import msgspec

from bastide.api.distribution.exchange import Exchange
from bastide.api.distribution.parts import Parts
from bastide.model.faults import Invalid
from bastide.model.registry.digest import check_digest
from bastide.model.registry.manifest import OCI_INDEX
from bastide.store import Record, Txn
from bastide.store.registry import images, repositories
from bastide.store.txn import NAME_CEILING

PAGE_MAX = 1000
JSON = {"content-type": "application/json"}


async def ping(parts: Parts, exchange: Exchange, name: str, rest: str) -> None:
    """GET /v2/."""
    await exchange.answer(200, JSON, b"{}")


async def tags(parts: Parts, exchange: Exchange, name: str, rest: str) -> None:
    """GET tags/list, in order of code points, page by page if asked."""
    limit, after = _page_of(exchange)

    def find(txn: Txn) -> list[Record]:
        repository = repositories.find_repository(txn, parts.scope, name)
        if limit == 0:
            return []
        return txn.find(images.TAG, parent=repository.key, after=after, limit=limit + 1)

    found = [record.name for record in await parts.store.view(find)]
    headers = JSON | _next_link(exchange, found, limit)
    await exchange.answer(200, headers, msgspec.json.encode({"name": name, "tags": found[:limit]}))


async def catalog(parts: Parts, exchange: Exchange, name: str, rest: str) -> None:
    """GET _catalog, which Docker's registry has and ECR too."""
    limit, after = _page_of(exchange)

    def find(txn: Txn) -> list[Record]:
        return txn.find(repositories.REPOSITORY, scope=parts.scope, after=after, limit=limit + 1)

    found = [record.name for record in await parts.store.view(find)]
    headers = JSON | _next_link(exchange, found, limit)
    await exchange.answer(200, headers, msgspec.json.encode({"repositories": found[:limit]}))


async def referrers(parts: Parts, exchange: Exchange, name: str, rest: str) -> None:
    """GET referrers: an index of what names the digest as its subject; empty for one nobody has heard of."""
    subject = check_digest(rest)
    wanted = exchange.query.get("artifactType")

    def find(txn: Txn) -> list[Record]:
        repository = repositories.find_repository(txn, parts.scope, name)
        return txn.find(images.IMAGE, parent=repository.key, status=subject)

    found = [
        _descriptor(record.document)
        for record in await parts.store.view(find)
        if wanted is None or record.document["artifactType"] == wanted
    ]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": found}
    headers = {"content-type": OCI_INDEX} | ({"oci-filters-applied": "artifactType"} if wanted else {})
    await exchange.answer(200, headers, msgspec.json.encode(index))


def _descriptor(image: dict[str, Any]) -> dict[str, Any]:
    told = {"mediaType": image["mediaType"], "digest": image["digest"], "size": image["length"]}
    told |= {"artifactType": image["artifactType"]} if image["artifactType"] else {}
    return told | ({"annotations": image["annotations"]} if image["annotations"] else {})


def _page_of(exchange: Exchange) -> tuple[int, tuple[str, str] | None]:
    """How many, and behind what."""
    text = exchange.query.get("n", str(PAGE_MAX))
    if not text.isdecimal():
        raise Invalid("page", text, why="The number of entries of a page must be a whole number")
    last = exchange.query.get("last")
    return min(int(text), PAGE_MAX), None if last is None else (last, NAME_CEILING)


def _next_link(exchange: Exchange, found: list[str], limit: int) -> dict[str, str]:
    if len(found) <= limit or limit == 0:
        return {}
    return {"link": f'<{exchange.path}?n={limit}&last={quote(found[limit - 1])}>; rel="next"'}
