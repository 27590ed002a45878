"""What every Describe call of EC2 does alike: ids that must exist, filters, pages.

Owns no noun: each noun's module says what its call is about in a `Listing`.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from bastide.api.ec2.filters import Document, FilterTable, filtered
from bastide.api.ec2.nouns import Noun
from bastide.api.operation import Context, Params, Result
from bastide.api.paging import parse_token, render_token
from bastide.model.faults import Invalid, NotFound


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
    found = filtered(chosen, filters_of(params), listing.filters)
    found.sort(key=lambda document: str(document[listing.of.id_member]))
    query = (listing.result, context.scope, params.get(listing.ids), filters_of(params))
    keys = [str(document[listing.of.id_member]) for document in found]
    return page_of(listing.result, keys, found, params, *query)


def filters_of(params: Params) -> list[Document]:
    """The filters of a call, under either of the names EC2 has for them."""
    return params.get("Filters") or params.get("Filter") or []


def page_of(
    result: str, keys: Sequence[str], found: Sequence[Document], params: Params, *query: object
) -> Result:
    """At most MaxResults of what was found, beginning behind what NextToken names; `keys` sorted."""
    begin = 0
    if token := params.get("NextToken"):
        begin = bisect_right(keys, parse_token(token, *query)[1])
    limit = params.get("MaxResults")  # the wire has seen to the bounds that the model has
    if limit is not None and limit < 1:
        why = f"Value ( {limit} ) for parameter maxResults is invalid. Expecting a value greater than 0."
        raise Invalid("parameter", str(limit), why=why)
    if limit is None or len(found) - begin <= limit:
        return {result: list(found[begin:])}
    last = keys[begin + limit - 1]
    return {result: list(found[begin : begin + limit]), "NextToken": render_token((last, last), *query)}
