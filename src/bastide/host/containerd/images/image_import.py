"""One archive on its way into the content store: opened, checked and hashed in a thread, then streamed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from bastide.host.containerd.content import Content
from bastide.host.image_archive.archive import (
    BROKEN,
    CHUNK_BYTES,
    Archive,
    ArchivedImage,
    Blob,
    corrupt,
    open_archive,
)
from bastide.host.image_archive.layouts import parse_images
from bastide.host.ports import Progress


class ImageImport:
    """Reads the images of one archive and stores their blobs; used for one import and by one task."""

    def __init__(self, path: Path, *, scratch: Path, content: Content, progress: Progress) -> None:
        self._path = path
        self._scratch = scratch
        self._content = content
        self._progress = progress
        self._archive: Archive | None = None

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[list[ArchivedImage]]:
        """The archive's images, for as long as the block runs."""
        total = self._path.stat().st_size if self._path.exists() else 0
        loop, done = asyncio.get_running_loop(), 0

        def show(count: int) -> None:
            nonlocal done
            done = min(done + count, total)  # a compressed docker-archive is worked through twice
            self._progress("read", done, total)

        def took(count: int) -> None:
            loop.call_soon_threadsafe(show, count)

        show(0)
        with contextlib.ExitStack() as held:
            opening = open_archive(self._path, scratch=self._scratch, took=took)
            self._archive = await asyncio.to_thread(held.enter_context, opening)
            yield await asyncio.to_thread(parse_images, self._archive)

    async def store(self, image: ArchivedImage, *, lease: str) -> None:
        """Layers and config first, the manifest last, with the labels that keep the others."""
        blobs = (*image.layers, image.config)
        total, done = sum(blob.size for blob in blobs), 0

        def taken(count: int) -> None:
            nonlocal done
            done += count
            self._progress("store", done, total)

        for blob in blobs:
            await self._content.write(blob, self._chunks(blob), lease=lease, taken=taken)
        manifest = image.manifest
        await self._content.write(manifest, self._chunks(manifest), lease=lease, taken=lambda _: None)
        labels = {"containerd.io/gc.ref.content.config": image.config.digest}
        labels |= {
            f"containerd.io/gc.ref.content.l.{n}": layer.digest for n, layer in enumerate(image.layers)
        }
        await self._content.add_labels(manifest.digest, labels)

    async def _chunks(self, blob: Blob) -> AsyncIterator[bytes]:
        if not blob.member:
            yield blob.data
            return
        assert self._archive is not None  # opened() is around every store()
        with self._archive.open(blob.member) as stream:
            while chunk := await asyncio.to_thread(_read_chunk, stream, blob):
                yield chunk


def _read_chunk(stream: IO[bytes], blob: Blob) -> bytes:
    try:
        return stream.read(CHUNK_BYTES)
    except BROKEN as error:
        raise corrupt(f"{blob.member}: {error}") from error
