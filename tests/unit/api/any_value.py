"""Values of a model's shapes, drawn by a seed: plain ones, odd ones, and now and then none at all."""

import random
from collections.abc import Sequence
from typing import Any

ODD = [":", "/", "\0", "\n", "é", "🚲", "²", "-1", "{name}", "%s", "a" * 300, "9" * 5000, "0" * 32, "arn:"]
NUMBERS = [-1, 0, 1, 2, 10, 11, 80, 256, 65535, 65536, 2**31 - 1, -(2**31)]


class Maker:
    """Draws values of the model's shapes; now and then none at all."""

    def __init__(self, seed: str, *, words: Sequence[str]) -> None:
        self._random = random.Random(seed)
        self._words = [*words, *ODD]

    def flip(self) -> bool:
        """Heads or tails."""
        return self._random.random() < 0.5

    def make(self, shape: Any, depth: int = 0) -> Any:
        drawn = self._random
        if drawn.random() < 0.03:
            return None
        if shape.type_name == "structure":
            share = 0.5 if depth else 0.3
            return {
                name: self.make(member, depth + 1)
                for name, member in shape.members.items()
                if name in shape.required_members or drawn.random() < share / (1 + depth / 2)
            }
        if shape.type_name == "list":
            return [self.make(shape.member, depth + 1) for _ in range(drawn.choice([0, 1, 1, 2, 3]))]
        if shape.type_name == "map":
            return {
                drawn.choice(self._words): self.make(shape.value, depth + 1)
                for _ in range(drawn.randrange(3))
            }
        if shape.type_name == "boolean":
            return drawn.random() < 0.5
        if shape.type_name in ("integer", "long"):
            return drawn.choice(NUMBERS)
        if getattr(shape, "enum", None):
            return drawn.choice(shape.enum)
        return drawn.choice(self._words)
