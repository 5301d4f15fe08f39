"""How much may vanish or change at once before a capture stops: shares, and a floor for small schools."""

from __future__ import annotations

from kpi.core.settings import Settings
from kpi.history.plausibility import Implausible, Part, objections

SETTINGS = Settings()  # 50 %, 90 %, 20 rows


def said(*parts: Part, **changes: int) -> str | None:
    return objections(parts, SETTINGS.model_copy(update=changes))


def work(domain: str, in_force: int, vanished: int = 0, changed: int = 0) -> Part:
    return Part("realisation", domain, in_force, vanished, changed)


def test_an_ordinary_night_is_plausible() -> None:
    assert said() is None
    assert said(work("UA", 1000, vanished=10, changed=400)) is None


def test_exactly_the_share_is_not_too_much() -> None:
    assert said(work("UA", 100, vanished=50)) is None
    assert said(work("UA", 100, vanished=51)) == "51 of 100 rows of realisation UA would vanish"
    assert said(work("UA", 100, changed=90)) is None
    assert said(work("UA", 100, changed=91)) == "91 of 100 rows of realisation UA would change"


def test_small_numbers_may_always_vanish_or_change() -> None:
    assert said(work("UA", 19, vanished=19)) is None
    assert said(work("UA", 19, changed=19)) is None
    assert said(work("UA", 20, vanished=20)) is not None


def test_one_domain_that_is_missing_is_told_by_name() -> None:
    parts = work("COMPETENCE", 40, vanished=40), work("UA", 400)
    assert said(*parts) == "40 of 40 rows of realisation COMPETENCE would vanish"


def test_small_parts_are_judged_together() -> None:
    """The memberships of 12 learners: each type is below the floor, all of them are not."""
    parts = [Part("membership", kind, 12, 12, 0) for kind in ("GLOBAL", "GROUPE", "APPRENANT")]
    assert said(*parts) == "36 of 36 rows of membership would vanish"


def test_a_session_that_was_moved_is_plausible() -> None:
    parts = Part("membership", "SESSION", 60, 0, 60), Part("membership", "GROUPE", 60, 0, 0)
    assert said(*parts) is None
    swapped = [Part("membership", kind, 60, 0, 60) for kind in ("SESSION", "GROUPE")]
    assert said(*swapped) == "120 of 120 rows of membership would change"


def test_scopes_and_targets_are_never_all_gone() -> None:
    for relation in ("scope", "target"):
        assert said(Part(relation, "", 3, 3, 0)) == f"3 of 3 rows of {relation} would vanish"
        assert said(Part(relation, "", 3, 2, 0)) is None
    assert said(Part("feedback", "", 3, 3, 0)) is None


def test_the_settings_decide() -> None:
    part = work("UA", 100, vanished=30, changed=70)
    assert said(part, capture_max_vanished_percent=29) is not None
    assert said(part, capture_max_changed_percent=69) is not None
    assert said(part, capture_max_vanished_percent=29, capture_floor_rows=31) is None
    never = {"capture_max_vanished_percent": 100, "capture_max_changed_percent": 100}
    assert said(work("UA", 100, vanished=100, changed=100), **never) is None


def test_the_sentence_says_what_and_what_to_do() -> None:
    error = Implausible("plan", "32 of 32 rows of plan would vanish", "do this")
    assert str(error) == (
        "The source does not look whole, so nothing was captured: "
        "32 of 32 rows of plan would vanish; do this."
    )
