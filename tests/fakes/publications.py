"""Published ports of no host at all."""

from bastide.host.ports import Publications


class FakePublications(Publications):
    """Publishes nothing; `looks` counts how often it was asked to."""

    def __init__(self) -> None:
        self.looks = 0

    async def ensure_publications(self) -> None:
        self.looks += 1

    async def remove_publications(self) -> None:
        self.looks = 0
