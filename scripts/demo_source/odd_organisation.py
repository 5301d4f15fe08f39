"""The oddities of the school itself, where it is large enough for them; `oddities` lists them."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from . import names
from .lines import Line
from .organisation import LAST_YEAR, THIS_YEAR, Organisation

# Ids of alignments beyond the regular ones start above this and the number of UAs.
EXTRA_ALIGNMENTS = 1000
# Ids of UAs that no table holds, but alignments point to.
MISSING_UAS = range(100_000, 100_010)


def alter_organisation(organisation: Organisation) -> None:
    """Add the odd sessions, groups, trainers, targets, alignments and projects."""
    _add_sessions(organisation)
    _alter_groups(organisation)
    _repeat_and_replace_trainers(organisation)
    _alter_targets(organisation)
    _alter_plan(organisation)
    _alter_projects(organisation)


def session_without_end(organisation: Organisation) -> int:
    """Return the id of the session that has a first day only; the next has no date at all."""
    return organisation.last_session + 1


def _add_sessions(organisation: Organisation) -> None:
    calendar, first = organisation.calendar, session_without_end(organisation)
    year, order = calendar.school_year, organisation.tree.sizes.sessions
    old = (date(year, 6, 1), date(year, 6, 12))
    odd: list[tuple[str, date | None, date | None, int]] = [
        ("Session de rattrapage", calendar.on(2, 2), None, THIS_YEAR),
        ("Session à fixer", None, None, THIS_YEAR),
        ("Session de l’année précédente", *old, LAST_YEAR),
    ]
    for number, (titre, begins, ends, of_year) in enumerate(odd):
        organisation.add(
            "session_formations",
            first + number,
            titre=titre,
            ordre=order + number + 1,
            date_debut=begins,
            date_fin=ends,
            filiere_id=1,
            annee_formation_id=of_year,
            reference=f"SES-X{number + 1}",
        )
    if order > 11:
        put_off = organisation.units[0][11]
        organisation.find("session_formations", put_off.session).change(
            calendar.at(2, 17, 10, 5), date_fin=put_off.last_day + timedelta(days=4)
        )


def _alter_groups(organisation: Organisation) -> None:
    calendar, groups = organisation.calendar, organisation.groups
    organisation.add(
        "groupes",
        groups + 1,
        code="DD099",
        nom="Promotion précédente",
        filiere_id=1,
        annee_formation_id=LAST_YEAR,
        reference=f"GRP-{groups + 1:04}",
    )
    organisation.add("groupes", groups + 2, code="ATELIER", reference=f"GRP-{groups + 2:04}")
    organisation.find("groupes", min(2, groups)).change(
        calendar.at(1, 12, 9, 30), code="DD102-BIS", nom="Groupe « Éléphants » – فريق الأفيال"
    )
    organisation.find("groupes", min(7, groups)).change(
        calendar.at(2, 16, 9, 30), nom="Groupe RS107 (soir)"
    )


def _repeat_and_replace_trainers(organisation: Organisation) -> None:
    """Repeat group 1's first pair; replace its second trainer, if it has one."""
    first, *others = organisation.trainers_of(1)
    _add_trainer(organisation, first, 1, None)
    newcomers = set(range(1, organisation.trainers + 1)) - {first, *others}
    for leaving in others:
        if newcomers:
            at = organisation.calendar.at(2, 10, 8, 45)
            next(line for line in organisation.lines if line.key == (1, leaving, 0)).end(at)
            _add_trainer(organisation, min(newcomers), 2, at)


def _add_trainer(
    organisation: Organisation, trainer: int, number: int, at: datetime | None
) -> None:
    pair = Line(
        "formateur_groupe",
        (1, trainer, number),
        at or organisation.founded,
        stamped=at is not None,
        groupe_id=1,
        formateur_id=trainer,
    )
    organisation.lines.append(pair)


def _alter_targets(organisation: Organisation) -> None:
    calendar, sizes = organisation.calendar, organisation.tree.sizes
    micro, ua = sizes.micro_competences + 1, sizes.uas + 1
    organisation.add(
        "micro_competences", micro, titre="Atelier libre", code=f"MC{micro:03}", ordre=99
    )
    organisation.add(
        "unite_apprentissages",
        ua,
        nom="Découvrir : l’atelier libre",
        ordre=1,
        micro_competence_id=micro,
    )
    if sizes.uas >= 6:
        twin = organisation.find("unite_apprentissages", 5).at(organisation.founded)
        assert twin is not None
        _, code, nom, ordre, parent, *_ = twin
        organisation.add(
            "unite_apprentissages",
            ua + 1,
            code=code,
            nom=nom,
            ordre=ordre,
            micro_competence_id=parent,
        )
        organisation.find("unite_apprentissages", 6).change(
            organisation.founded, nom=names.SCRIPT_LIKE_NAME
        )
    micros = [micro for module in organisation.tree.modules[-1] for micro in module.micros()]
    organisation.find("micro_competences", micros[min(4, len(micros) - 1)].id).change(
        calendar.at(2, 11, 14), competence_id=None
    )


class _Plan:
    """The alignments of the first programme's UAs, given by their place in it."""

    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation
        self._uas = organisation.tree.uas[0]
        self._next = EXTRA_ALIGNMENTS + organisation.tree.sizes.uas + 1
        self.sessions = [unit.session for unit in organisation.units[0]]

    def session(self, place: int, later: int = 0) -> int:
        """Return the session a UA is taught in, or one some sessions later or earlier."""
        units, ua = self._organisation.units[0], self._uas[place]
        order = next(order for order, unit in enumerate(units) if ua in unit.uas)
        return self.sessions[min(max(order + later, 0), len(units) - 1)]

    def align(self, ua: int, session: int | None, at: datetime | None = None) -> None:
        """Add an alignment of a UA, given by its id, at the founding or later."""
        self._organisation.lines.append(
            Line(
                "alignement_uas",
                self._next,
                at or self._organisation.founded,
                ordre=1,
                unite_apprentissage_id=ua,
                session_formation_id=session,
            )
        )
        self._next += 1

    def repeat(self, place: int, session: int | None) -> None:
        """Plan a UA a second time."""
        self.align(self._uas[place], session)

    def line(self, place: int) -> Line:
        """Return a UA's own alignment."""
        return self._organisation.find("alignement_uas", self._uas[place])


def _alter_plan(organisation: Organisation) -> None:
    calendar, plan = organisation.calendar, _Plan(organisation)
    endless, founded = session_without_end(organisation), organisation.founded
    if len(organisation.tree.uas[0]) > 45:
        plan.repeat(4, plan.session(4, later=2))
        plan.repeat(12, plan.session(12, later=-2))
        plan.repeat(11, plan.session(11))
        plan.repeat(21, None)
        plan.line(20).change(founded, session_formation_id=None)
        plan.line(30).change(founded, session_formation_id=endless)
        plan.line(31).change(founded, session_formation_id=endless + 1)
        moved = plan.session(43, later=2)
        plan.line(43).change(calendar.at(2, 12, 11), session_formation_id=moved)
        plan.line(38).end(calendar.at(2, 19, 17))
    plan.align(organisation.tree.sizes.uas + 1, plan.sessions[len(plan.sessions) // 2])
    for number, missing in enumerate(MISSING_UAS):
        plan.align(missing, plan.sessions[number % len(plan.sessions)])
    for own in organisation.tree.uas:
        organisation.remove("alignement_uas", own[-1])
    late = organisation.units[-1][-1].session
    plan.align(organisation.tree.uas[-1][-1], late, calendar.at(2, 24, 10, 15))


def _alter_projects(organisation: Organisation) -> None:
    last = organisation.tree.sizes.projects * organisation.programmes
    for project in [line for line in organisation.lines if line.table == "projets"][1:2]:
        project.change(organisation.founded, session_formation_id=None)
    organisation.add("projets", last + 1, titre="Projet en réserve", formateur_id=1, filiere_id=1)
