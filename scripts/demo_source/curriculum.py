"""The tree of targets: programmes, modules, competences, micro-competences, UAs and chapters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from . import names
from .lines import Line

PROTOTYPE_SCALE, PROJECT_SCALE = 8.0, 12.0
UNMARKED_EVERY, UNMARKED_PLACE = 30, 17


@dataclass(frozen=True)
class Curriculum:
    """How many there are of each, over all programmes; children are spread evenly over parents.

    `projects` are per programme, at most one a session, each on the first `uas_per_project` UAs of
    its session. `whole_from_start` gives a learner all his realisation rows when he enrols;
    otherwise a module's rows are made two weeks before its first session.
    Raises ValueError for sizes that make no tree.
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
        levels = [self.filieres, self.modules, self.competences, self.micro_competences, self.uas]
        if levels[0] < 1 or levels != sorted(levels):
            raise ValueError(
                "A curriculum needs a filiere, and no level may be smaller than the one above: "
                f"filieres, modules, competences, micro_competences, uas are {levels}."
            )
        if self.sessions < 1 or not 0 <= self.projects <= self.sessions:
            raise ValueError(
                f"projects must lie between 0 and sessions: {self.projects} of {self.sessions}."
            )

    @classmethod
    def benchmark(cls) -> Curriculum:
        """One programme of 8 + 24 + 64 + 192 = 288 targets, all with rows from the first day on."""
        return cls(
            filieres=1,
            modules=8,
            competences=24,
            micro_competences=64,
            uas=192,
            chapters=24,
            projects=4,
            uas_per_project=2,
            whole_from_start=True,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the sizes by name, as `from_dict` takes them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, sizes: dict[str, Any]) -> Curriculum:
        """Return the curriculum of `as_dict`; ValueError for a key that is none of its sizes."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(sizes) - known):
            raise ValueError(f"{unknown} is no size of a curriculum: use {sorted(known)}.")
        return cls(**sizes)


@dataclass(frozen=True)
class Micro:
    """A micro-competence; `uas` are the ids of its UAs, `position` counts in the programme."""

    id: int
    position: int
    uas: tuple[int, ...]


@dataclass(frozen=True)
class Competence:
    """A competence; `position` counts in the programme, from 0."""

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

    def micros(self) -> list[Micro]:
        """Return all micro-competences under the module."""
        return [micro for competence in self.competences for micro in competence.micros]

    def uas(self) -> list[int]:
        """Return the ids of all UAs under the module, in the order of teaching."""
        return [ua for micro in self.micros() for ua in micro.uas]


def _children(parent: int, parents: int, children: int) -> range:
    """Return the children of a parent when they are spread evenly; all count from 0."""
    first = -(-parent * children // parents)
    return range(first, -(-(parent + 1) * children // parents))


class Tree:
    """The modules of each programme with what is under them."""

    def __init__(self, sizes: Curriculum) -> None:
        self.sizes = sizes
        self.modules = [self._modules(programme) for programme in range(sizes.filieres)]
        self.uas = [[ua for module in modules for ua in module.uas()] for modules in self.modules]
        self.ua_place = {ua: place for uas in self.uas for place, ua in enumerate(uas)}
        self.chapters_of = {
            ua + 1: [chapter + 1 for chapter in _children(ua, sizes.uas, sizes.chapters)]
            for ua in range(sizes.uas)
        }
        self.most_chapters = max(map(len, self.chapters_of.values()))
        # A learner's rows of a level take a block of this many ids.
        self.strides = (
            max(map(len, self.modules)),
            max(sum(len(module.competences) for module in own) for own in self.modules),
            max(sum(len(module.micros()) for module in own) for own in self.modules),
            max(map(len, self.uas)),
        )

    def _modules(self, programme: int) -> list[Module]:
        sizes = self.sizes
        own = _children(programme, sizes.filieres, sizes.modules)
        first = _children(own[0], sizes.modules, sizes.competences)[0]
        first_micro = _children(first, sizes.competences, sizes.micro_competences)[0]
        modules = []
        for module in own:
            competences = []
            for competence in _children(module, sizes.modules, sizes.competences):
                micros = [
                    Micro(
                        micro + 1,
                        micro - first_micro,
                        tuple(
                            ua + 1 for ua in _children(micro, sizes.micro_competences, sizes.uas)
                        ),
                    )
                    for micro in _children(competence, sizes.competences, sizes.micro_competences)
                ]
                competences.append(Competence(competence + 1, competence - first, tuple(micros)))
            modules.append(Module(module + 1, programme, module - own[0], tuple(competences)))
        return modules

    def scale_of(self, ua: int) -> float:
        """Return what the marks of a UA are out of: 0 for the few that are not marked."""
        unmarked = ua % UNMARKED_EVERY == UNMARKED_PLACE
        return 0.0 if unmarked else PROTOTYPE_SCALE + PROJECT_SCALE

    def lines(self, created: datetime) -> Iterator[Line]:
        """Yield the rows of the tree's tables, all there from `created` on."""
        for number, modules in enumerate(self.modules):
            code, nom = names.programme(number)
            reference = f"FIL-{number + 1}"
            yield Line("filieres", number + 1, created, code=code, nom=nom, reference=reference)
            titles = names.MODULES[number % len(names.MODULES)]
            for module in modules:
                yield Line(
                    "modules",
                    module.id,
                    created,
                    code=f"M{100 * (number + 1) + module.position + 1}",
                    nom=names.cycled(titles, module.position),
                    masse_horaire=str(60 + 15 * (module.id % 5)),
                    filiere_id=number + 1,
                )
                for competence in module.competences:
                    verb = names.cycled(names.COMPETENCE_VERBS, competence.position)
                    yield Line(
                        "competences",
                        competence.id,
                        created,
                        code=f"C{competence.id:03}",
                        mini_code=f"C{competence.id}",
                        nom=f"{verb} – module {module.id}",
                        module_id=module.id,
                    )
                    for order, micro in enumerate(competence.micros, 1):
                        yield from self._micro_lines(created, number, competence.id, order, micro)

    def _micro_lines(
        self, created: datetime, programme: int, competence: int, order: int, micro: Micro
    ) -> Iterator[Line]:
        topic = names.cycled(names.TOPICS[programme % len(names.TOPICS)], micro.position)
        yield Line(
            "micro_competences",
            micro.id,
            created,
            titre=topic,
            code=f"MC{micro.id:03}",
            ordre=order,
            competence_id=competence,
        )
        for place, ua in enumerate(micro.uas):
            nom = names.cycled(names.UNIT_PATTERNS, place).format(topic)
            yield Line(
                "unite_apprentissages",
                ua,
                created,
                code=None if ua % 7 == 3 else f"UA{ua:03}",
                nom=nom,
                ordre=place + 1,
                micro_competence_id=micro.id,
            )
            for number, chapter in enumerate(self.chapters_of[ua]):
                yield Line(
                    "chapitres",
                    chapter,
                    created,
                    nom=names.cycled(names.CHAPTER_PATTERNS, number).format(nom),
                    code=None if chapter % 5 == 2 else f"CH{chapter:03}",
                    duree_en_heure=1.5 + chapter % 4,
                    unite_apprentissage_id=ua,
                    formateur_id=1 if chapter % 3 == 0 else None,
                )
