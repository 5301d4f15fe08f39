"""Learners whose memberships, presence or pace are special; `oddities.CASES` says who."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from .clock import DAY, Calendar
from .fate import STEADY, Fate, Stay, Studies, Switch
from .organisation import Organisation


def steady_fate(organisation: Organisation, learner: int, group: int) -> Fate:
    """Return the fate of a learner on plan, so that his case occurs whatever the seed."""
    calendar = organisation.calendar
    enrolled = calendar.at(9, 2, 10, learner % 60)
    return Fate(
        enrolled=enrolled,
        stays=[Stay(group, enrolled)],
        studies=[Studies(organisation.programme_of(group), enrolled)],
        pace=STEADY,
        stop=calendar.at(7, 1, 0),
    )


def alter_fate(case: str, fate: Fate, organisation: Organisation) -> None:
    """Give a learner what his case says of his groups, presence and user."""
    alter = _CASES.get(case)
    if alter is not None:
        alter(fate, organisation, organisation.calendar)


def _other_group(organisation: Organisation, group: int) -> int:
    alike = organisation.groups_of(organisation.programme_of(group))
    return alike[(alike.index(group) + 1) % len(alike)]


def _changes_group_at_midnight(fate: Fate, organisation: Organisation, year: Calendar) -> None:
    _move(fate, _other_group(organisation, fate.stays[0].group), year.at(2, 9, 0))


def _changes_group(fate: Fate, organisation: Organisation, year: Calendar) -> None:
    _move(fate, _other_group(organisation, fate.stays[0].group), year.at(1, 13, 10, 20))


def _changes_programme(fate: Fate, organisation: Organisation, year: Calendar) -> None:
    at, programme = year.at(11, 17, 11), fate.studies[0].programme
    other = (programme + 1) % organisation.programmes
    if other != programme:
        _move(fate, organisation.groups_of(other)[0], at)
        fate.studies = [fate.studies[0]._replace(until=at), Studies(other, at)]


def _move(fate: Fate, group: int, at: datetime) -> None:
    (stay,) = fate.stays
    fate.stays = [stay._replace(until=at), Stay(group, at)]


def _in_two_groups(fate: Fate, organisation: Organisation, _: Calendar) -> None:
    other = _other_group(organisation, fate.stays[0].group)
    fate.stays.append(Stay(other, fate.enrolled + 20 * DAY, stamped=False))


def _in_no_group(fate: Fate, _: Organisation, __: Calendar) -> None:
    fate.stays = []


def _leaves(fate: Fate, _: Organisation, year: Calendar) -> None:
    fate.stays = [fate.stays[0]._replace(until=year.at(2, 20, 9, 5))]


def _leaves_and_comes_back(fate: Fate, _: Organisation, year: Calendar) -> None:
    (stay,) = fate.stays
    fate.stays = [
        stay._replace(until=year.at(2, 4, 11)),
        Stay(stay.group, year.at(2, 17, 14, 30)),
    ]


def _deactivated(fate: Fate, _: Organisation, year: Calendar) -> None:
    fate.stop = year.at(2, 11, 16, 20)
    fate.switches = [Switch(fate.stop, False)]


def _deactivated_and_back(fate: Fate, _: Organisation, year: Calendar) -> None:
    fate.switches = [Switch(year.at(12, 3, 9), False), Switch(year.at(2, 18, 9, 45), True)]


def _late(fate: Fate, organisation: Organisation, year: Calendar) -> None:
    fate.enrolled = year.at(1, 19, 10)
    group = fate.stays[0].group
    fate.stays = [Stay(group, fate.enrolled)]
    fate.studies = [Studies(organisation.programme_of(group), fate.enrolled)]


def _module_made_again(fate: Fate, _: Organisation, year: Calendar) -> None:
    fate.remade = (year.at(2, 12, 15), year.at(2, 16, 9, 20))


def _without_user(fate: Fate, _: Organisation, __: Calendar) -> None:
    fate.has_user = False


_CASES: dict[str, Callable[[Fate, Organisation, Calendar], None]] = {
    "changes_group_at_midnight": _changes_group_at_midnight,
    "changes_group": _changes_group,
    "changes_programme": _changes_programme,
    "in_two_groups": _in_two_groups,
    "in_no_group": _in_no_group,
    "leaves": _leaves,
    "leaves_and_comes_back": _leaves_and_comes_back,
    "deactivated": _deactivated,
    "deactivated_and_back": _deactivated_and_back,
    "late": _late,
    "module_made_again": _module_made_again,
    "without_user": _without_user,
}
