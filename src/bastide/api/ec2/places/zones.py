"""DescribeAvailabilityZones and DescribeRegions. Every region is answered here, whatever its name."""

from collections.abc import Mapping

from bastide.api.ec2.filters import FilterTable, filtered
from bastide.api.ec2.operations import answers
from bastide.api.ec2.places.regions import REGIONS, zone_id, zones_of
from bastide.api.operation import Context, Document, Operation, Params, Result
from bastide.model.faults import Invalid
from bastide.store import Txn

ZONE_FILTERS: FilterTable = {
    "group-long-name": ("GroupLongName",),
    "group-name": ("GroupName",),
    "message": ("Messages", "Message"),
    "opt-in-status": ("OptInStatus",),
    "parent-zone-id": ("ParentZoneId",),
    "parent-zone-name": ("ParentZoneName",),
    "region-name": ("RegionName",),
    "state": ("State",),
    "zone-id": ("ZoneId",),
    "zone-name": ("ZoneName",),
    "zone-type": ("ZoneType",),
}
REGION_FILTERS: FilterTable = {
    "endpoint": ("Endpoint",),
    "opt-in-status": ("OptInStatus",),
    "region-name": ("RegionName",),
}
NO_OPT_IN = "opt-in-not-required"


def describe_availability_zones(txn: Txn, context: Context, params: Params) -> Result:
    """The two zones of the caller's region."""
    region = context.caller.region
    zones = [_zone(region, zone) for zone in zones_of(region)]
    zones = _named(zones, "ZoneName", params.get("ZoneNames") or [], "Invalid availability zone: [{}]")
    zones = _named(zones, "ZoneId", params.get("ZoneIds") or [], "Invalid availability zone-id: [{}]")
    return {"AvailabilityZones": filtered(zones, params.get("Filters") or [], ZONE_FILTERS)}


def describe_regions(txn: Txn, context: Context, params: Params) -> Result:
    """AWS's regions, the caller's and the installation's own; all of them at this endpoint."""
    known = sorted({*REGIONS, context.caller.region, context.settings.region})
    regions = [
        {
            "RegionName": region,
            "Endpoint": f"{context.settings.host}:{context.settings.port}",
            "OptInStatus": NO_OPT_IN,
        }
        for region in known
    ]
    regions = _named(regions, "RegionName", params.get("RegionNames") or [], "Invalid region name: {}")
    return {"Regions": filtered(regions, params.get("Filters") or [], REGION_FILTERS)}


def _named(documents: list[Document], member: str, names: list[str], complaint: str) -> list[Document]:
    known = {document[member] for document in documents}
    for name in names:
        if name not in known:
            raise Invalid("parameter", name, why=complaint.format(name))
    return [document for document in documents if not names or document[member] in names]


def _zone(region: str, zone: str) -> Document:
    return {
        "OptInStatus": NO_OPT_IN,
        "Messages": [],
        "RegionName": region,
        "ZoneName": zone,
        "ZoneId": zone_id(zone),
        "GroupName": f"{region}-zg-1",
        "NetworkBorderGroup": region,
        "ZoneType": "availability-zone",
        "State": "available",
    }


OPERATIONS: Mapping[str, Operation] = {
    "DescribeAvailabilityZones": answers(describe_availability_zones),
    "DescribeRegions": answers(describe_regions),
}
