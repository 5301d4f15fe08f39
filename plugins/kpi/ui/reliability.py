"""How far a figure can be trusted, by how many rows it rests on (docs/dashboard.md, "Reliability")."""

from __future__ import annotations

from typing import Literal

FEW, ENOUGH = 5, 20


def reliability(
    sample_size: int | None, denominator: int | None = None
) -> Literal["high", "medium", "low"]:
    """Return the reliability of a figure; for a ratio the smaller of sample and denominator counts."""
    least = min(sample_size or 0, sample_size or 0 if denominator is None else denominator)
    if least < FEW:
        return "low"
    return "medium" if least < ENOUGH else "high"
