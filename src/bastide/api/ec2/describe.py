"""What every Describe call of EC2 does alike: ids that must exist, filters, pages.

Owns no noun: each noun's module says what its call is about in a `Listing`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bastide.api.ec2.filters import Document, FilterTable, filtered
from bastide.api.ec2.nouns import Noun
from bastide.api.operation import Context, Params, Result
from bastide.api.paging import parse_token, render_token
from bastide.model.faults import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One Describe call: what it lists, under which members, by which filters."""

    of: Noun
    ids: str  # the parameter that names ids
    result: str  # the member of the answer
    filters: FilterTable


def describe(listing: Listing, context: Context, params: Params, documents: Sequence[Document]) -> Result:
    """The page asked for of the documents that have the ids and fit the filters."""
    ids = params.get(listing.ids) or []
    by_id = {document[listing.of.id_member]: document for document in documents}
    for one in ids:
        if one not in by_id:
            raise NotFound(listing.of.noun, one)
    chosen = [by_id[one] for one in dict.fromkeys(ids)] if ids else list(documents)
    found = filtered(chosen, params.get("Filters") or [], listing.filters)
    found.sort(key=lambda document: str(document[listing.of.id_member]))
    return _page(listing, context, params, found)


def _page(listing: Listing, context: Context, params: Params, found: Sequence[Document]) -> Result:
    """At most MaxResults of the documents, beginning behind the one NextToken names."""
    query = (listing.result, context.scope, params.get(listing.ids), params.get("Filters"))
    if token := params.get("NextToken"):
        _, last_id = parse_token(token, *query)
        found = [document for document in found if str(document[listing.of.id_member]) > last_id]
    limit = params.get("MaxResults")  # within the model's bounds: the wire has seen to that
    if limit is None or len(found) <= limit:
        return {listing.result: list(found)}
    last_id = str(found[limit - 1][listing.of.id_member])
    return {listing.result: list(found[:limit]), "NextToken": render_token((last_id, last_id), *query)}
