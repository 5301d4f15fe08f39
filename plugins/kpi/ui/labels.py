"""What the dashboard calls the words of the vocabulary and of the source, in French and English.

A code that is not here is shown as it is. What figures are called stands in the headers of their files.
"""

from __future__ import annotations

from typing import Literal

from kpi.vocabulary import FACT_TABLES, PERIOD_WORDS

Label = dict[Literal["fr", "en"], str]


def _labels(**of: tuple[str, str]) -> dict[str, Label]:
    return {code: {"fr": french, "en": english} for code, (french, english) in of.items()}


SCOPE_TYPES = _labels(
    GLOBAL=("Tout le monde", "Everybody"),
    SESSION=("Session", "Session"),
    GROUPE=("Groupe", "Group"),
    SOUS_GROUPE=("Sous-groupe", "Sub-group"),
    FORMATEUR=("Formateur", "Trainer"),
    APPRENANT=("Apprenant", "Learner"),
)
TARGET_TYPES = _labels(
    GLOBAL=("Tout", "Everything"),
    REFERENTIEL=("Référentiel", "Programme"),
    MODULE=("Module", "Module"),
    COMPETENCE=("Compétence", "Competence"),
    MICRO_COMPETENCE=("Micro-compétence", "Micro-competence"),
    UA=("Unité d'apprentissage", "Learning unit"),
)
PERIODS = _labels(**{period: words.label for period, words in PERIOD_WORDS.items()})
STATES = _labels(
    TODO=("À faire", "To do"),
    IN_PROGRESS=("En cours", "In progress"),
    IN_PROGRESS_INTRO=("Introduction", "Introduction"),
    IN_PROGRESS_INTERMEDIAIRE=("Intermédiaire", "Intermediate"),
    IN_PROGRESS_AVANCE=("Avancé", "Advanced"),
    IN_PROGRESS_CHAPITRE=("Chapitres en cours", "Chapters in progress"),
    IN_PROGRESS_PROTOTYPE=("Prototype en cours", "Prototype in progress"),
    IN_PROGRESS_PROJET=("Projet en cours", "Project in progress"),
    DONE=("Terminé", "Done"),
    PAUSED=("En pause", "Paused"),
    BLOCKED=("Bloqué", "Blocked"),
    UNKNOWN=("Inconnu", "Unknown"),
)
CATEGORIES = _labels(
    PROGRESSION=("Progression", "Progress"),
    MAITRISE=("Maîtrise", "Mastery"),
    RYTHME=("Rythme", "Pace"),
    ACTIVITE=("Activité", "Activity"),
    COUVERTURE=("Couverture", "Coverage"),
    ETAT=("État", "State"),
    FEEDBACK=("Feedback", "Feedback"),
    QUALITE=("Qualité", "Quality"),
)
UNITS = _labels(
    points=("points", "points"),
    nb=("", ""),
    jours=("jours", "days"),
    heures=("heures", "hours"),
    ratio=("", ""),
    score=("", ""),
) | {"%": {"fr": "%", "en": "%"}}
RELIABILITY = _labels(
    high=("Fiable : 20 observations ou plus", "Reliable: 20 observations or more"),
    medium=("À nuancer : de 5 à 19 observations", "With care: 5 to 19 observations"),
    low=("Fragile : moins de 5 observations", "Fragile: fewer than 5 observations"),
)
RELATIONS = _labels(
    scope=("Point de vue", "Scope"),
    target=("Cible", "Target"),
    realisation=("Réalisation", "Realisation"),
    membership=("Appartenance", "Membership"),
    plan=("Plan", "Plan"),
    feedback=("Feedback", "Feedback"),
)
REASONS = _labels(
    date_out_of_range=("Date hors du calendrier", "Date outside the calendar"),
    duplicate_row=("Doublon dans la source", "Twice in the source"),
    feedback_not_after_submission=("Feedback avant la remise", "Feedback before the submission"),
    finish_before_start=("Fin avant le début", "Finish before start"),
    id_out_of_range=("Identifiant hors limites", "Id out of range"),
    negative_score=("Note négative", "Negative score"),
    negative_score_max=("Barème négatif", "Negative scale"),
    parent_not_above=("Parent d'un niveau pas plus élevé", "Parent of no higher level"),
    progress_outside_0_100=("Progression hors de 0–100", "Progress outside 0–100"),
    reused_id=("Identifiant réutilisé (ligne gardée)", "Id used again (row kept)"),
    score_max_too_large=("Barème trop grand", "Scale too large"),
    score_too_large=("Note trop grande", "Score too large"),
    score_above_scale=("Note au-dessus du barème (gardée)", "Score above its scale (kept)"),
    state_code_too_long=("Code d'état trop long", "State code too long"),
    state_order_out_of_range=("Ordre d'état hors limites", "State order out of range"),
    source_went_back=("Source plus ancienne qu'avant", "Source older than before"),
    unknown_learner=("Apprenant inconnu", "Unknown learner"),
    unknown_parent=("Parent inconnu", "Unknown parent"),
    unknown_scope=("Point de vue inconnu", "Unknown scope"),
    unknown_session=("Session inconnue ou sans fin", "Session unknown or without an end"),
    unknown_target=("Cible inconnue", "Unknown target"),
    zero_date=("Date nulle (0000-00-00)", "Zero date (0000-00-00)"),
)
TABLES = _labels(**{name: table.label for name, table in FACT_TABLES.items()})
YES_NO: dict[bool, Label] = {True: {"fr": "oui", "en": "yes"}, False: {"fr": "non", "en": "no"}}

# By the kind of code, as `labels` of api/options.
OF = {
    "scope_type": SCOPE_TYPES,
    "target_type": TARGET_TYPES,
    "period": PERIODS,
    "state": STATES,
    "category": CATEGORIES,
    "unit": UNITS,
    "reliability": RELIABILITY,
    "relation": RELATIONS,
    "reason": REASONS,
    "table": TABLES,
}

_COLUMNS = _labels(
    date=("Date", "Date"),
    value=("Valeur", "Value"),
    previous=("Valeur précédente", "Previous value"),
    previous_on=("Date précédente", "Previous date"),
    change=("Évolution", "Change"),
    numerator=("Numérateur", "Numerator"),
    denominator=("Dénominateur", "Denominator"),
    sample_size=("Échantillon", "Sample"),
    reliability=("Fiabilité", "Reliability"),
    reconstructed=("Lignes reconstituées", "Reconstructed rows"),
    complete=("Complet", "Complete"),
    code=("Code", "Code"),
    label=("Libellé", "Label"),
    unit=("Unité", "Unit"),
    target=("Cible", "Target"),
    domain=("Domaine", "Domain"),
    state=("État", "State"),
    order=("Ordre", "Order"),
    count=("Nombre", "Count"),
    total=("Total", "Total"),
    expected=("Attendues", "Expected"),
    done=("Faites", "Done"),
    gap=("Écart", "Gap"),
    coverage=("Couverture (%)", "Coverage (%)"),
    rank=("Rang", "Rank"),
    period=("Période", "Period"),
    table=("Table", "Table"),
    last_date=("Dernière date", "Last date"),
    finished_at=("Écrit à (UTC)", "Written at (UTC)"),
    rows=("Lignes", "Rows"),
    message=("Message", "Message"),
    relation=("Relation", "Relation"),
    source_key=("Clé", "Key"),
    field=("Champ", "Field"),
    reason=("Raison", "Reason"),
    detail=("Détail", "Detail"),
    first_seen_at=("Vu d'abord (UTC)", "First seen (UTC)"),
    last_seen_at=("Vu en dernier (UTC)", "Last seen (UTC)"),
)


def said(code: str, kind: str, language: Literal["fr", "en"]) -> str:
    """Return the name of a code, the code itself where it has none."""
    label = OF[kind].get(code)
    return label[language] if label else code


def column(name: str, language: Literal["fr", "en"]) -> str:
    """Return the heading of a CSV column."""
    return _COLUMNS[name][language] if name in _COLUMNS else name
