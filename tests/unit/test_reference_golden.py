"""The golden cases are what the reference says too: a wrong case, or a wrong reference, shows here."""

import pytest

from tests.golden.by_reference import past_of, rows_of
from tests.golden.case import Case, cases
from tests.golden.play import FACT_COLUMNS, as_yaml, expected_facts
from tests.reference.calendar import Calendar

CALENDAR = Calendar()
CASES = [case for folder in FACT_COLUMNS for case in cases(folder)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.path.with_suffix("")))
def test_golden_case(case: Case) -> None:
    past = past_of(case, CALENDAR)
    for when in case.rows_out:
        found = as_yaml(rows_of(case, past, when))
        assert found == as_yaml(expected_facts(case, when)), f"{when.text}: {case.shows}"
