"""Keeps the host's published ports as `bastide publish` wrote them down."""

import asyncio
import logging

from bastide.host.ports import Publications
from bastide.model.faults import Fault

log = logging.getLogger(__name__)

LOOK_S = 1.0


async def keep_published(publications: Publications) -> None:
    """Look again and again until cancelled."""
    said = ""
    while True:
        try:
            await publications.ensure_publications()
            said = ""
        except Fault as fault:
            if str(fault) != said:
                log.warning("cannot publish ports", extra={"why": str(fault)})
                said = str(fault)
        await asyncio.sleep(LOOK_S)
