"""The tree of targets: programmes, modules, competences, micro-competences, UAs and chapters, and the dictionaries."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime

from . import names
from .lines import Line

MODULE_STATES = (
    "TODO",
    "IN_PROGRESS_INTRO",
    "IN_PROGRESS_INTERMEDIAIRE",
    "IN_PROGRESS_AVANCE",
    "DONE",
    "PAUSED",
)
STAGE_STATES = (
    "TODO",
    "IN_PROGRESS_CHAPITRE",
    "IN_PROGRESS_PROTOTYPE",
    "IN_PROGRESS_PROJET",
    "DONE",
    "PAUSED",
)
TODO, STAGE_1, STAGE_2, STAGE_3, DONE, PAUSED, BLOCKED = range(1, 8)

# Ids of the dictionaries start here, so that nobody takes an id for an order.
STATE_IDS = {"MODULE": 10, "COMPETENCE": 20, "MICRO_COMPETENCE": 30, "UA": 40}

PROTOTYPE_SCALE, PROJECT_SCALE = 8.0, 12.0
UNIT_SCALE = PROTOTYPE_SCALE + PROJECT_SCALE
UNMARKED_EVERY = 30


@dataclass(frozen=True)
class Curriculum:
    """How many there are of each, over all programmes; children are spread evenly over their parents.

    `projects` are per programme, at most one a session, each on the first `uas_per_project` UAs of its session.
    `whole_from_start` gives a learner all his realisation rows when he enrols; otherwise a module's rows are made
    two weeks before its first session.
    """

    filieres: int = 2
    modules: int = 8
    competences: int = 16
    micro_competences: int = 44
    uas: int = 132
    chapters: int = 264
    sessions: int = 18
    projects: int = 12
    uas_per_project: int = 3
    whole_from_start: bool = False

    def __post_init__(self) -> None:
        counts = [self.filieres, self.modules, self.competences, self.micro_competences, self.uas]
        if counts[0] < 1 or counts != sorted(counts):
            raise ValueError(
                "A curriculum needs at least one filiere, and no level may be smaller than the one above it: "
                f"got filieres, modules, competences, micro_competences, uas = {counts}."
            )
        if not 0 <= self.projects <= self.sessions or self.sessions < 1:
            raise ValueError(
                f"projects must lie between 0 and sessions={self.sessions}, not {self.projects}."
            )

    @classmethod
    def benchmark(cls) -> Curriculum:
        """One programme of 8 + 24 + 64 + 192 = 288 targets, all with a row from a learner's first day on."""
        return cls(
            1, 8, 24, 64, 192, chapters=24, projects=4, uas_per_project=2, whole_from_start=True
        )

    def as_dict(self) -> dict[str, int | bool]:
        """The sizes by name, as `from_dict` takes them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, int | bool]) -> Curriculum:
        """The curriculum of `as_dict`. Raises ValueError for a key that is none of its sizes."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"{unknown} is no size of a curriculum: choose from {sorted(known)}.")
        return cls(**values)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Micro:
    """A micro-competence in the tree of a module; `uas` are the ids of its UAs."""

    id: int
    position: int
    uas: tuple[int, ...]


@dataclass(frozen=True)
class Competence:
    """A competence in the tree of a module. `position` counts within the programme, from 0."""

    id: int
    position: int
    micros: tuple[Micro, ...]


@dataclass(frozen=True)
class Module:
    """A module with everything under it. Programmes count from 0, ids from 1."""

    id: int
    programme: int
    position: int
    competences: tuple[Competence, ...]

    def uas(self) -> list[int]:
        """The ids of all UAs under the module, in the order of teaching."""
        return [
            ua for competence in self.competences for micro in competence.micros for ua in micro.uas
        ]


def _children(parent: int, parents: int, children: int) -> range:
    """The children of a parent when `children` are spread evenly over `parents`; all count from 0."""
    first = -(-parent * children // parents)
    return range(first, -(-(parent + 1) * children // parents))


class Tree:
    """The modules of each programme with what is under them, and the first UA of each programme."""

    def __init__(self, sizes: Curriculum) -> None:
        self.sizes = sizes
        self.modules: list[list[Module]] = [self._programme(n) for n in range(sizes.filieres)]
        self.uas: list[list[int]] = [
            [ua for module in modules for ua in module.uas()] for modules in self.modules
        ]
        self.ua_place = {ua: place for uas in self.uas for place, ua in enumerate(uas)}
        self.chapters_of = {
            ua + 1: [chapter + 1 for chapter in _children(ua, sizes.uas, sizes.chapters)]
            for ua in range(sizes.uas)
        }
        self.most_chapters = max(map(len, self.chapters_of.values()))
        everything = [
            [len(modules) for modules in self.modules],
            [sum(len(m.competences) for m in modules) for modules in self.modules],
            [
                sum(len(c.micros) for m in modules for c in m.competences)
                for modules in self.modules
            ],
            [len(uas) for uas in self.uas],
        ]
        # A learner's rows of a level take a block of this many ids.
        self.strides = tuple(max(counts) for counts in everything)

    def _programme(self, programme: int) -> list[Module]:
        s = self.sizes
        module_range = _children(programme, s.filieres, s.modules)
        first = _children(module_range[0], s.modules, s.competences)[0]
        first_micro = _children(first, s.competences, s.micro_competences)[0]
        modules = []
        for m in module_range:
            competences = []
            for c in _children(m, s.modules, s.competences):
                micros = [
                    Micro(
                        mc + 1,
                        mc - first_micro,
                        tuple(ua + 1 for ua in _children(mc, s.micro_competences, s.uas)),
                    )
                    for mc in _children(c, s.competences, s.micro_competences)
                ]
                competences.append(Competence(c + 1, c - first, tuple(micros)))
            modules.append(Module(m + 1, programme, m - module_range[0], tuple(competences)))
        return modules

    def scale_of(self, ua: int) -> float:
        """What the marks of a UA are out of: 0 for the few that are not marked."""
        return 0.0 if ua % UNMARKED_EVERY == 17 else UNIT_SCALE

    def lines(self, created: datetime) -> list[Line]:
        """The rows of the tree's tables, all there from `created` on."""
        found: list[Line] = []
        for number, modules in enumerate(self.modules):
            code, nom = (
                names.PROGRAMMES[number]
                if number < 3
                else (f"F{number + 1}", f"Filière {number + 1}")
            )
            found.append(
                Line(
                    "filieres",
                    number + 1,
                    created,
                    code=code,
                    nom=nom,
                    reference=f"FIL-{number + 1}",
                )
            )
            titles = names.MODULES[number % len(names.MODULES)]
            for module in modules:
                hours = str(60 + 15 * (module.id % 5))
                found.append(
                    Line("modules", module.id, created, code=f"M{100 * (number + 1) + module.position + 1}",
                         nom=names.cycled(titles, module.position), masse_horaire=hours, filiere_id=number + 1)
                )  # fmt: skip
                for competence in module.competences:
                    found += self._competence_lines(created, module, competence)
        return found

    def _competence_lines(
        self, created: datetime, module: Module, competence: Competence
    ) -> list[Line]:
        topics = names.TOPICS[module.programme % len(names.TOPICS)]
        verb = names.cycled(names.COMPETENCE_VERBS, competence.position)
        found = [
            Line("competences", competence.id, created, code=f"C{competence.id:03}", mini_code=f"C{competence.id}",
                 nom=f"{verb} – module {module.id}", module_id=module.id)
        ]  # fmt: skip
        for order, micro in enumerate(competence.micros, 1):
            topic = names.cycled(topics, micro.position)
            found.append(
                Line("micro_competences", micro.id, created, titre=topic, code=f"MC{micro.id:03}", ordre=order,
                     competence_id=competence.id)
            )  # fmt: skip
            for place, ua in enumerate(micro.uas):
                nom = names.cycled(names.UNIT_PATTERNS, place).format(topic)
                code = None if ua % 7 == 3 else f"UA{ua:03}"
                found.append(
                    Line("unite_apprentissages", ua, created, code=code, nom=nom, ordre=place + 1,
                         micro_competence_id=micro.id)
                )  # fmt: skip
                found += [
                    Line("chapitres", chapter, created, nom=names.cycled(names.CHAPTER_PATTERNS, n).format(nom),
                         code=None if chapter % 5 == 2 else f"CH{chapter:03}", duree_en_heure=1.5 + chapter % 4,
                         unite_apprentissage_id=ua)
                    for n, chapter in enumerate(self.chapters_of[ua])
                ]  # fmt: skip
        return found


def state_id(domain: str, order: int | None) -> int | None:
    """The id of a state in its dictionary, from its order (1 is TODO); None stays None."""
    return None if order is None else STATE_IDS[domain] + order


def dictionary_lines(created: datetime, trainers: int) -> list[Line]:
    """The state dictionaries, the workflow, and each trainer's own states of tasks."""
    found: list[Line] = []
    dictionaries = {
        "MODULE": ("etat_realisation_modules", MODULE_STATES),
        "COMPETENCE": ("etat_realisation_competences", STAGE_STATES),
        "MICRO_COMPETENCE": ("etat_realisation_micro_competences", (*STAGE_STATES, "BLOCKED")),
        "UA": ("etat_realisation_uas", (*STAGE_STATES, "BLOCKED")),
    }
    for domain, (table, codes) in dictionaries.items():
        for order, code in enumerate(codes, 1):
            nom = names.STATE_NAMES[code]
            found.append(
                Line(table, STATE_IDS[domain] + order, created, code=code, nom=nom, ordre=order)
            )
    for order, (code, title) in enumerate(names.WORKFLOW, 1):
        found.append(Line("workflow_taches", order, created, code=code, titre=title, ordre=order))
    for trainer in range(1, trainers + 1):
        for order, (_, title) in enumerate(names.WORKFLOW, 1):
            found.append(
                Line("etat_realisation_taches", task_state_id(trainer, order), created, nom=f"{title} ({trainer})",
                     workflow_tache_id=order, ordre=order)
            )  # fmt: skip
    return found


def task_state_id(trainer: int, order: int) -> int:
    """The id of a trainer's own state for the workflow state of that order."""
    return 10 * (trainer - 1) + order
