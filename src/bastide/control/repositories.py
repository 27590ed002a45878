"""Applies repositories' lifecycle policies, and says what one would do where that is asked.

AWS looks at each repository within a day; here a policy is looked at when it, an image or a tag changes,
and when an image grows old enough. An image goes in a transaction that has looked again.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from bastide.loop import Loop
from bastide.model.registry.lifecycle_policy import Rule, parse_lifecycle_policy
from bastide.plan.lifecycle_policy import Expiry, SeenImage, plan_expiries, seconds_to_next
from bastide.store import Record, Store, Txn
from bastide.store.following import follow
from bastide.store.records import Change
from bastide.store.registry import images
from bastide.store.registry.repositories import EVALUATION, PREVIEW, REPOSITORY

AT_ONCE = 100  # images that go in one transaction, so that other writers wait for a few milliseconds only
LOOK_AGAIN_MAX_S = 86400.0  # also in case the clock was set
COMPLETE, IN_PROGRESS = "COMPLETE", "IN_PROGRESS"


class Repositories:
    """Every repository with a policy, and every preview that was asked for."""

    def __init__(self, store: Store, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._now = now
        self._loop: Loop[str] = Loop(self.reconcile)

    async def run(self) -> None:
        """Expire images until cancelled."""
        await self._loop.run(
            follow(
                self._store,
                (REPOSITORY, images.IMAGE, images.TAG, PREVIEW),
                on_all=self._wake_all,
                on_change=self._wake_changed,
            )
        )

    async def reconcile(self, arn: str) -> float | None:
        """Remove what has expired, answer a preview; when an image will have grown old enough."""
        now_s = round(self._now().timestamp(), 3)
        await self._store.update(partial(_answer_preview, arn=arn, now_s=now_s))
        while True:
            gone, left_s = await self._store.update(partial(_expire_some, arn=arn, now_s=now_s))
            if gone < AT_ONCE:
                return None if left_s is None else min(left_s, LOOK_AGAIN_MAX_S)

    async def _wake_all(self) -> None:
        for record in await self._store.view(lambda txn: txn.find(REPOSITORY)):
            self._loop.wake(record.key)

    def _wake_changed(self, change: Change) -> None:
        """Images are called ARN@digest, tags ARN:tag; previews as their repository."""
        arn = change.key
        if change.kind == images.IMAGE:
            arn = arn.rpartition("@")[0]
        elif change.kind == images.TAG:
            arn = arn.rpartition(":")[0]
        self._loop.wake(arn)


def _expire_some(txn: Txn, *, arn: str, now_s: float) -> tuple[int, float | None]:
    """How many images went, and how long until there may be more to do."""
    repository = txn.get(REPOSITORY, arn)
    text = None if repository is None else repository.document.get("lifecyclePolicy")
    if repository is None or text is None:
        return 0, None
    rules = parse_lifecycle_policy(text)
    seen = _read_images(txn, repository)
    due = plan_expiries(rules, seen, now_s=now_s)[:AT_ONCE]
    for expiry in due:
        image = images.find_image(txn, repository, expiry.digest)
        if image is not None:
            _delete(txn, repository, image, now_s=now_s)
    _note_evaluation(txn, repository, now_s=now_s)
    return len(due), seconds_to_next(rules, seen, now_s=now_s)


def _delete(txn: Txn, repository: Record, image: Record, *, now_s: float) -> None:
    """The image, and what was attached to it: signatures and the like go with their subject."""
    for referrer in txn.find(images.IMAGE, parent=repository.key, status=image.name):
        if not images.find_indexes_of(txn, repository, referrer.name):
            images.delete_image(txn, repository, referrer, now_s=now_s)
    images.delete_image(txn, repository, image, now_s=now_s)


def _answer_preview(txn: Txn, *, arn: str, now_s: float) -> None:
    preview, repository = txn.get(PREVIEW, arn), txn.get(REPOSITORY, arn)
    if preview is None or repository is None or preview.status != IN_PROGRESS:
        return
    rules: tuple[Rule, ...] = parse_lifecycle_policy(preview.document["lifecyclePolicyText"])
    seen = {image.digest: image for image in _read_images(txn, repository)}
    due = plan_expiries(rules, list(seen.values()), now_s=now_s)
    results = [_preview_result(seen[expiry.digest], expiry) for expiry in due]
    txn.put(preview.changed(document={**preview.document, "results": results}, status=COMPLETE))


def _preview_result(image: SeenImage, expiry: Expiry) -> dict[str, Any]:
    return {
        "imageDigest": image.digest,
        "imageTags": list(image.tags),
        "imagePushedAt": image.pushed_s,
        "action": {"type": "EXPIRE"},
        "appliedRulePriority": expiry.priority,
    }


def _read_images(txn: Txn, repository: Record) -> list[SeenImage]:
    tags: dict[str, list[str]] = {}
    for tag in txn.find(images.TAG, parent=repository.key):
        tags.setdefault(tag.status, []).append(tag.name)
    found = txn.find(images.IMAGE, parent=repository.key)
    there = {image.name for image in found}
    held = {child for image in found for child in image.document["children"]}
    return [
        SeenImage(
            digest=image.name,
            tags=tuple(tags.get(image.name, ())),
            pushed_s=image.document["pushedAt"],
            is_held=image.name in held or image.status in there,
        )
        for image in found
    ]


def _note_evaluation(txn: Txn, repository: Record, *, now_s: float) -> None:
    record = txn.get(EVALUATION, repository.key)
    document = {"evaluatedAt": now_s}
    if record is None:
        txn.put(Record(EVALUATION, repository.key, repository.scope, document, repository.key))
    else:
        txn.put(record.changed(document=document))
