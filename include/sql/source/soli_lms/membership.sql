/*
relation: membership
counts: >
  One row per (scope, active learner): everybody in GLOBAL, each learner in his own APPRENANT scope, the members of
  groups and sub-groups, the learners of a trainer's groups (FORMATEUR), and the learners of the groups that have a
  session's filière and year (SESSION). An inactive learner has no row at all.
reads:
  apprenants: [id, actif, created_at]
  groupes: [id, filiere_id, annee_formation_id]
  apprenant_groupe: [groupe_id, apprenant_id, created_at]
  apprenant_sous_groupe: [sous_groupe_id, apprenant_id, created_at]
  formateur_groupe: [groupe_id, formateur_id, created_at]
  session_formations: [id, filiere_id, annee_formation_id, date_debut, date_fin]
types: {created_at: timestamp, date_debut: date, date_fin: date}
notes: >
  Pivots hold pairs twice: a pair counts from its earliest row, and always (NULL) as soon as one of its rows is
  undated. Under a trainer a learner counts from when both were in the group, over several groups from the earliest.
  A session needs both dates; it runs from the start of its first local day to the end of its last, whenever the
  learner joined the group. A pivot row whose learner does not exist comes out, for the capture to reject.
  Timestamps are cast before MIN, which makes a zero date, refused in strict mode, of a group without any (MySQL
  9.7.4).
example: >
  Learner 12 in group 7 since 2026-01-10 09:00, trainer 3 there since 2025-09-01: GROUPE, 7, 12 and FORMATEUR, 3, 12
  both from 2026-01-10 09:00. Session 5 of the group's filière and year, 2026-01-05 to 2026-01-16: SESSION, 5, 12
  from 2026-01-05 00:00 to 2026-01-17 00:00 local time, in UTC.
*/
WITH group_members AS (
  SELECT
    pivot.groupe_id,
    pivot.apprenant_id,
    IF(COUNT(pivot.created_at) = COUNT(*), MIN(CAST(pivot.created_at AS DATETIME(6))), NULL) AS active_from
  FROM {{ live('apprenant_groupe', 'pivot') }}
  LEFT JOIN {{ live('apprenants') }}
    ON apprenants.id = pivot.apprenant_id
  WHERE
    (apprenants.actif = 1 OR apprenants.id IS NULL)
    AND {{ of_learners('pivot.apprenant_id') }}
  GROUP BY
    pivot.groupe_id,
    pivot.apprenant_id
),

group_trainers AS (
  SELECT
    groupe_id,
    formateur_id,
    IF(COUNT(created_at) = COUNT(*), MIN(CAST(created_at AS DATETIME(6))), NULL) AS active_from
  FROM {{ live('formateur_groupe') }}
  GROUP BY
    groupe_id,
    formateur_id
),

taught_learners AS (
  SELECT
    group_trainers.formateur_id,
    group_members.apprenant_id,
    GREATEST(
      COALESCE(group_members.active_from, group_trainers.active_from),
      COALESCE(group_trainers.active_from, group_members.active_from)
    ) AS active_from
  FROM group_trainers
  INNER JOIN group_members
    ON group_members.groupe_id = group_trainers.groupe_id
),

dated_sessions AS (
  SELECT
    id,
    filiere_id,
    annee_formation_id,
    date_debut AS first_day,
    {{ day_after('date_fin') }} AS day_after
  FROM {{ live('session_formations') }}
  WHERE
    {{ is_day('date_debut') }}
    AND {{ is_day('date_fin') }}
),

sessions AS (
  SELECT
    id,
    filiere_id,
    annee_formation_id,
    {{ local_midnight('first_day') | indent(4) }} AS active_from,
    {{ local_midnight('day_after') | indent(4) }} AS active_to
  FROM dated_sessions
)

SELECT
  'GLOBAL' AS scope_type,
  NULL AS scope_ref_id,
  id AS learner_id,
  created_at AS active_from,
  NULL AS active_to
FROM {{ live('apprenants') }}
WHERE
  actif = 1
  AND {{ of_learners('id') }}
UNION ALL
SELECT
  'APPRENANT' AS scope_type,
  id AS scope_ref_id,
  id AS learner_id,
  created_at AS active_from,
  NULL AS active_to
FROM {{ live('apprenants') }}
WHERE
  actif = 1
  AND {{ of_learners('id') }}
UNION ALL
SELECT
  'GROUPE' AS scope_type,
  groupe_id AS scope_ref_id,
  apprenant_id AS learner_id,
  active_from,
  NULL AS active_to
FROM group_members
UNION ALL
SELECT
  'SOUS_GROUPE' AS scope_type,
  pivot.sous_groupe_id AS scope_ref_id,
  pivot.apprenant_id AS learner_id,
  IF(COUNT(pivot.created_at) = COUNT(*), MIN(CAST(pivot.created_at AS DATETIME(6))), NULL) AS active_from,
  NULL AS active_to
FROM {{ live('apprenant_sous_groupe', 'pivot') }}
LEFT JOIN {{ live('apprenants') }}
  ON apprenants.id = pivot.apprenant_id
WHERE
  (apprenants.actif = 1 OR apprenants.id IS NULL)
  AND {{ of_learners('pivot.apprenant_id') }}
GROUP BY
  pivot.sous_groupe_id,
  pivot.apprenant_id
UNION ALL
SELECT
  'FORMATEUR' AS scope_type,
  formateur_id AS scope_ref_id,
  apprenant_id AS learner_id,
  IF(COUNT(active_from) = COUNT(*), MIN(active_from), NULL) AS active_from,
  NULL AS active_to
FROM taught_learners
GROUP BY
  formateur_id,
  apprenant_id
UNION ALL
SELECT DISTINCT
  'SESSION' AS scope_type,
  sessions.id AS scope_ref_id,
  group_members.apprenant_id AS learner_id,
  sessions.active_from,
  sessions.active_to
FROM sessions
INNER JOIN {{ live('groupes') }}
  ON groupes.filiere_id = sessions.filiere_id
  AND groupes.annee_formation_id = sessions.annee_formation_id
INNER JOIN group_members
  ON group_members.groupe_id = groupes.id
