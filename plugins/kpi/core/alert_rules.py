"""The thresholds that a metric's header declares under `alerts`."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kpi.vocabulary import ScopeType, TargetLevel

Threshold = Annotated[Decimal, Field(max_digits=12, decimal_places=4)]


class AlertRule(BaseModel):
    """An alert is raised for a scope of these types once its D rows are beyond the threshold for days in a row.

    The threshold is `below` or `above`, in the metric's unit; `for` is the number of days. `targets` are the target
    levels watched, all of the metric's when left out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    below: Threshold | None = None
    above: Threshold | None = None
    days: int = Field(1, alias="for", ge=1, le=31)
    scopes: tuple[ScopeType, ...] = Field(min_length=1)
    targets: tuple[TargetLevel, ...] = ()
    level: Literal["amber", "red"] = "amber"

    @model_validator(mode="after")
    def _one_threshold(self) -> AlertRule:
        if (self.below is None) == (self.above is None):
            raise ValueError("a threshold is either below or above; give one of the two keys")
        return self

    @property
    def side(self) -> Literal["below", "above"]:
        """On which side of the threshold a figure is worth telling."""
        return "above" if self.below is None else "below"

    @property
    def threshold(self) -> Decimal:
        """The threshold, in the metric's unit."""
        bound = self.above if self.below is None else self.below
        assert bound is not None, "one of the two is there, or the rule was refused"
        return bound

    @property
    def code(self) -> str:
        """What names the rule among its metric's, `below 50 for 3`."""
        return f"{self.side} {self.threshold.normalize():f} for {self.days}"


def require_sound(rules: Sequence[AlertRule], levels: Sequence[str]) -> None:
    """Refuse rules on target levels that a metric has not, and one rule twice for the same; raises ValueError."""
    for number, rule in enumerate(rules):
        for target in rule.targets:
            if target not in levels:
                raise ValueError(
                    f"the alert '{rule.code}' watches {target}, at which the metric is not computed; "
                    f"choose of its target_levels {', '.join(levels)}"
                )
        for other in rules[:number]:
            if rule.code == other.code and _overlap(rule, other):
                raise ValueError(
                    f"the alert '{rule.code}' is declared twice for the same scopes and targets; leave one out"
                )


def _overlap(rule: AlertRule, other: AlertRule) -> bool:
    same_targets = not (rule.targets and other.targets) or set(rule.targets) & set(other.targets)
    return bool(set(rule.scopes) & set(other.scopes) and same_targets)
