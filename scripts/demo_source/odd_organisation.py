"""The oddities of the school itself; `oddities` lists them."""

from __future__ import annotations

from datetime import timedelta

from . import names
from .clock import local
from .lines import Line
from .organisation import LAST_YEAR, THIS_YEAR, Organisation

# Alignments beyond the regular ones, and UAs that no table holds, have ids from here on.
EXTRA_ALIGNMENTS = 1000
MISSING_UAS = 100_000


def alter_organisation(organisation: Organisation) -> None:
    """Adds the odd sessions, groups, trainers, targets, alignments and projects, where the school is large enough."""
    _sessions(organisation)
    _groups(organisation)
    _targets(organisation)
    _plan(organisation)
    _projects(organisation)


def session_without_end(organisation: Organisation) -> int:
    """The id of the session that has a first day only; the next id is the session without any date."""
    return organisation.regular_sessions + 1


def _sessions(organisation: Organisation) -> None:
    calendar, first = organisation.calendar, session_without_end(organisation)
    year = calendar.school_year
    last = organisation.tree.sizes.sessions
    for number, (titre, begins, ends, annee) in enumerate(
        (
            ("Session de rattrapage", calendar.on(2, 2), None, THIS_YEAR),
            ("Session à fixer", None, None, THIS_YEAR),
            (
                "Session 18 (année précédente)",
                calendar.on(6, 1).replace(year=year),
                calendar.on(6, 12).replace(year=year),
                LAST_YEAR,
            ),
        )
    ):
        organisation.add("session_formations", first + number, titre=titre, ordre=last + number + 1, date_debut=begins,
                         date_fin=ends, filiere_id=1, annee_formation_id=annee, reference=f"SES-X{number + 1}")  # fmt: skip
    if last > 11:
        unit = organisation.units[0][11]
        organisation.find("session_formations", unit.session).change(
            local(calendar.on(2, 17), 10, 5), date_fin=unit.last_day + timedelta(days=4)
        )


def _groups(organisation: Organisation) -> None:
    calendar, groups = organisation.calendar, organisation.groups
    organisation.add("groupes", groups + 1, code="DD099", nom="Promotion précédente", filiere_id=1,
                     annee_formation_id=LAST_YEAR, reference=f"GRP-{groups + 1:04}")  # fmt: skip
    organisation.add("groupes", groups + 2, code="ATELIER", reference=f"GRP-{groups + 2:04}")
    organisation.find("groupes", min(2, groups)).change(
        local(calendar.on(1, 12), 9, 30),
        code="DD102-BIS",
        nom="Groupe « Éléphants » – فريق الأفيال",
    )
    organisation.find("groupes", min(7, groups)).change(
        local(calendar.on(2, 16), 9, 30), nom="Groupe RS107 (soir)"
    )
    pairs = [line for line in organisation.lines if line.table == "formateur_groupe"]
    twice = pairs[0].at(organisation.founded)
    if twice is not None:
        group, trainer = twice[0], twice[1]
        organisation.lines.append(Line("formateur_groupe", (group, trainer, 1), organisation.founded, stamped=False,
                                       groupe_id=group, formateur_id=trainer))  # fmt: skip
    if len(pairs) > 1 and organisation.trainers > 1:
        replaced = local(calendar.on(2, 10), 8, 45)
        leaving = pairs[1].end(replaced).at(organisation.founded)
        if leaving is not None:
            group, trainer = leaving[0], leaving[1]
            successor = next(
                t
                for t in range(1, organisation.trainers + 1)
                if t not in organisation.trainers_of(group) or t != trainer
            )
            organisation.lines.append(Line("formateur_groupe", (group, successor, 2), replaced, groupe_id=group,
                                           formateur_id=successor))  # fmt: skip


def _targets(organisation: Organisation) -> None:
    calendar, sizes, founded = organisation.calendar, organisation.tree.sizes, organisation.founded
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
        twin = organisation.find("unite_apprentissages", 5).at(founded)
        if twin is not None:
            _, code, nom, ordre, parent, *_ = twin
            organisation.add(
                "unite_apprentissages",
                ua + 1,
                code=code,
                nom=nom,
                ordre=ordre,
                micro_competence_id=parent,
            )
        organisation.find("unite_apprentissages", 6).change(founded, nom=names.SCRIPT_LIKE_NAME)
    last_programme = organisation.tree.modules[-1]
    micros = [
        m
        for module in last_programme
        for competence in module.competences
        for m in competence.micros
    ]
    organisation.find("micro_competences", micros[min(4, len(micros) - 1)].id).change(
        local(calendar.on(2, 11), 14), competence_id=None
    )


def _plan(organisation: Organisation) -> None:
    calendar, uas = organisation.calendar, organisation.tree.uas[0]
    number = EXTRA_ALIGNMENTS + organisation.tree.sizes.uas

    def align(ua: int, session: int | None) -> None:
        nonlocal number
        number += 1
        organisation.add(
            "alignement_uas",
            number,
            ordre=1,
            unite_apprentissage_id=ua,
            session_formation_id=session,
        )

    def realign(ua: int, session: int | None) -> None:
        organisation.find("alignement_uas", ua).change(
            organisation.founded, session_formation_id=session
        )

    def session_of(ua: int) -> int:
        return next(unit.session for unit in organisation.units[0] if ua in unit.uas)

    last = organisation.units[0][-1].session
    if len(uas) > 50:
        align(uas[4], min(session_of(uas[4]) + 2, last))
        align(uas[12], max(session_of(uas[12]) - 2, 1))
        align(uas[11], session_of(uas[11]))
        realign(uas[20], None)
        align(uas[21], None)
        realign(uas[30], session_without_end(organisation))
        realign(uas[31], session_without_end(organisation) + 1)
        organisation.find("alignement_uas", uas[43]).change(
            local(calendar.on(2, 12), 11), session_formation_id=min(session_of(uas[43]) + 2, last)
        )
        organisation.find("alignement_uas", uas[38]).end(local(calendar.on(2, 19), 17))
    align(
        organisation.tree.sizes.uas + 1,
        organisation.units[0][len(organisation.units[0]) // 2].session,
    )
    for missing in range(10):
        align(
            MISSING_UAS + missing,
            organisation.units[0][missing % len(organisation.units[0])].session,
        )
    for programme, own in enumerate(organisation.tree.uas):
        organisation.remove("alignement_uas", own[-1])
        if programme == organisation.programmes - 1:
            session = organisation.units[programme][-1].session
            organisation.lines.append(Line("alignement_uas", number + 1, local(calendar.on(2, 24), 10, 15), ordre=9,
                                           unite_apprentissage_id=own[-1], session_formation_id=session))  # fmt: skip


def _projects(organisation: Organisation) -> None:
    projects = organisation.tree.sizes.projects * organisation.programmes
    if projects >= 2:
        organisation.find("projets", 2).change(organisation.founded, session_formation_id=None)
    organisation.add(
        "projets", projects + 1, titre="Projet « en réserve »", formateur_id=1, filiere_id=1
    )
