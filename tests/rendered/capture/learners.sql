/*
One capture of some learners alone, those of %(learners)s, during the day: what kpi_incremental begins with. Their realisations, memberships
and feedback are compared with the history as in a whole capture (capture.sql); the plan, the tree of targets and what an adapter
rejects by itself wait for the night. What differs is found first, told by the steps `touched: …`, and written afterwards, so that what
was in force before can be looked at in between.
*/

-- step: scope: create stage | phase=create relation=scope
CREATE TEMPORARY TABLE IF NOT EXISTS stage_scope (
  scope_type ENUM('GLOBAL', 'SESSION', 'GROUPE', 'SOUS_GROUPE', 'FORMATEUR', 'APPRENANT') NOT NULL,
  ref_id DECIMAL(20, 0) NULL,
  label LONGTEXT NULL,
  ref_key DECIMAL(20, 0) AS (COALESCE(ref_id, 0)) STORED NOT NULL,
  PRIMARY KEY (scope_type, ref_key)
) COLLATE utf8mb4_0900_ai_ci;

-- step: scope: read | phase=find relation=scope gives=relation
SELECT
  adapter_row.scope_type,
  adapter_row.ref_id,
  adapter_row.label
FROM (
/*
relation: scope
counts: >
  One row per point of view that figures are computed for: everybody (GLOBAL, without id), and each session,
  group, sub-group, trainer and learner of the LMS. Learners who are no longer active have their row too, since
  their past figures stay.
reads:
  session_formations: [id, code, titre]
  groupes: [id, code, nom]
  sous_groupes: [id, nom, groupe_id]
  formateurs: [id, prenom, nom]
  apprenants: [id, prenom, nom]
notes: >
  A label is "code – name" where both exist and differ, else the one there is, cut at 191 characters. A sub-group
  is labelled with its group's code, since "Sous-groupe A" alone exists in every group.
example: >
  Group 7 (code DEV101, nom "Développement 1") gives GROUPE, 7, "DEV101 – Développement 1";
  learner 12 (prenom Zoé, nom Bennani) gives APPRENANT, 12, "Zoé BENNANI".
*/
WITH named AS (
  SELECT
    'GLOBAL' AS scope_type,
    NULL AS ref_id,
    NULL AS code,
    'Tous les apprenants' AS name
  UNION ALL
  SELECT
    'SESSION' AS scope_type,
    id AS ref_id,
    CONVERT(code USING utf8mb4) COLLATE utf8mb4_unicode_ci AS code,
    CONVERT(titre USING utf8mb4) COLLATE utf8mb4_unicode_ci AS name
  FROM `lms`.session_formations
  UNION ALL
  SELECT
    'GROUPE' AS scope_type,
    id AS ref_id,
    CONVERT(code USING utf8mb4) COLLATE utf8mb4_unicode_ci AS code,
    CONVERT(nom USING utf8mb4) COLLATE utf8mb4_unicode_ci AS name
  FROM `lms`.groupes
  UNION ALL
  SELECT
    'SOUS_GROUPE' AS scope_type,
    sous_groupes.id AS ref_id,
    CONVERT(groupes.code USING utf8mb4) COLLATE utf8mb4_unicode_ci AS code,
    CONVERT(sous_groupes.nom USING utf8mb4) COLLATE utf8mb4_unicode_ci AS name
  FROM `lms`.sous_groupes
  LEFT JOIN `lms`.groupes
    ON groupes.id = sous_groupes.groupe_id
  UNION ALL
  SELECT
    'FORMATEUR' AS scope_type,
    id AS ref_id,
    NULL AS code,
    CONCAT_WS(' ', CONVERT(prenom USING utf8mb4) COLLATE utf8mb4_unicode_ci, UPPER(CONVERT(nom USING utf8mb4) COLLATE utf8mb4_unicode_ci)) AS name
  FROM `lms`.formateurs
  UNION ALL
  SELECT
    'APPRENANT' AS scope_type,
    id AS ref_id,
    NULL AS code,
    CONCAT_WS(' ', CONVERT(prenom USING utf8mb4) COLLATE utf8mb4_unicode_ci, UPPER(CONVERT(nom USING utf8mb4) COLLATE utf8mb4_unicode_ci)) AS name
  FROM `lms`.apprenants
  WHERE id IN (SELECT listed.id FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed)
)

SELECT
  scope_type,
  ref_id,
  LEFT(CONCAT_WS(' – ', NULLIF(code, ''), NULLIF(NULLIF(name, ''), code)), 191) AS label
FROM named
) AS adapter_row
WHERE
  adapter_row.scope_type <> 'APPRENANT'
  OR adapter_row.ref_id IN (SELECT wanted.learner_id FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS wanted);

-- step: scope: reject unusable ids | phase=find relation=scope
INSERT INTO kpi_reject (relation, source_key, field, reason, detail, first_seen_at, last_seen_at)
SELECT
  new.relation,
  new.source_key,
  new.field,
  new.reason,
  new.detail,
  new.seen_at,
  new.seen_at
FROM (
  SELECT
    'scope' AS relation,
    rejected.source_key,
    rejected.field,
    rejected.reason,
    rejected.detail,
    %(captured_at)s AS seen_at
  FROM (
    SELECT
      CONCAT_WS(':', scope_type, ref_key) AS source_key,
      '' AS field,
      'id_out_of_range' AS reason,
      NULL AS detail
    FROM stage_scope
    WHERE
      scope_type <> 'GLOBAL'
      AND ref_key NOT BETWEEN 1 AND 9223372036854775807
  ) AS rejected
) AS new
ON DUPLICATE KEY UPDATE
  detail = new.detail,
  last_seen_at = new.seen_at;

-- step: scope: leave out unusable ids | phase=find relation=scope
DELETE FROM stage_scope
WHERE
  scope_type <> 'GLOBAL'
  AND ref_key NOT BETWEEN 1 AND 9223372036854775807;

-- step: scope: count | relation=scope gives=counts
SELECT
  COUNT(*) AS staged,
  SUM(existing.ref_id IS NULL) AS n_new,
  SUM(
    existing.ref_id IS NOT NULL
    AND NOT (existing.label <=> LEFT(stage.label, 191) COLLATE utf8mb4_0900_bin)
  ) AS n_changed,
  0 AS n_vanished,
  0 AS n_reopened
FROM stage_scope AS stage
LEFT JOIN kpi_src_scope AS existing
  ON existing.scope_type = stage.scope_type
  AND existing.ref_id = stage.ref_key;

-- step: scope: keep current | relation=scope
-- Labels are compared byte by byte: a corrected accent or capital is a change.
INSERT INTO kpi_src_scope (scope_type, ref_id, label)
SELECT
  new.scope_type,
  new.ref_id,
  new.label
FROM (
  SELECT
    stage.scope_type,
    stage.ref_key AS ref_id,
    LEFT(stage.label, 191) AS label
  FROM stage_scope AS stage
  LEFT JOIN kpi_src_scope AS existing
    ON existing.scope_type = stage.scope_type
    AND existing.ref_id = stage.ref_key
  WHERE
    existing.ref_id IS NULL
    OR NOT (existing.label <=> LEFT(stage.label, 191) COLLATE utf8mb4_0900_bin)
) AS new
ON DUPLICATE KEY UPDATE
  label = new.label;

-- step: scope: create known learners | phase=create relation=scope
CREATE TEMPORARY TABLE IF NOT EXISTS known_learner (
  learner_id BIGINT NOT NULL PRIMARY KEY
) COLLATE utf8mb4_0900_ai_ci;

-- step: scope: list known learners | phase=find relation=scope
INSERT INTO known_learner (learner_id)
SELECT ref_id
FROM stage_scope
WHERE
  scope_type = 'APPRENANT'
  AND ref_id IS NOT NULL;

-- step: membership: create stage | phase=create relation=membership
CREATE TEMPORARY TABLE IF NOT EXISTS stage_membership (
  scope_type ENUM('GLOBAL', 'SESSION', 'GROUPE', 'SOUS_GROUPE', 'FORMATEUR', 'APPRENANT') NOT NULL,
  source_scope_ref_id DECIMAL(20, 0) NULL,
  learner_id DECIMAL(20, 0) NOT NULL,
  active_from DATETIME(6) NULL,
  active_to DATETIME(6) NULL,
  scope_ref_id DECIMAL(20, 0) AS (COALESCE(source_scope_ref_id, 0)) STORED NOT NULL,
  PRIMARY KEY (scope_type, scope_ref_id, learner_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: membership: create changes | phase=create relation=membership
CREATE TEMPORARY TABLE IF NOT EXISTS change_membership (
  scope_type ENUM('GLOBAL', 'SESSION', 'GROUPE', 'SOUS_GROUPE', 'FORMATEUR', 'APPRENANT') NOT NULL,
  scope_ref_id BIGINT NOT NULL,
  learner_id BIGINT NOT NULL,
  kind ENUM('new', 'changed', 'reopened', 'vanished') NOT NULL,
  new_from DATETIME(6) NOT NULL,
  open_from DATETIME(6) NULL,
  active_from DATETIME(6) NULL,
  active_to DATETIME(6) NULL,
  PRIMARY KEY (scope_type, scope_ref_id, learner_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: membership: create reused learners | phase=create relation=membership
CREATE TEMPORARY TABLE IF NOT EXISTS reused_learner (
  learner_id BIGINT NOT NULL PRIMARY KEY,
  active_from DATETIME(6) NOT NULL,
  captured_from DATETIME(6) NOT NULL COMMENT 'of the learner who had the id before'
) COLLATE utf8mb4_0900_ai_ci;

-- step: membership: read | phase=find relation=membership gives=relation
SELECT
  adapter_row.scope_type,
  adapter_row.scope_ref_id,
  adapter_row.learner_id,
  adapter_row.active_from,
  adapter_row.active_to
FROM (
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
  FROM `lms`.apprenant_groupe AS pivot
  LEFT JOIN `lms`.apprenants
    ON apprenants.id = pivot.apprenant_id
  WHERE
    (apprenants.actif = 1 OR apprenants.id IS NULL)
    AND pivot.apprenant_id IN (SELECT listed.id FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed)
  GROUP BY
    pivot.groupe_id,
    pivot.apprenant_id
),

group_trainers AS (
  SELECT
    groupe_id,
    formateur_id,
    IF(COUNT(created_at) = COUNT(*), MIN(CAST(created_at AS DATETIME(6))), NULL) AS active_from
  FROM `lms`.formateur_groupe
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
    IF(date_fin >= '9998-12-31' OR date_fin < '1000-01-02' OR MONTH(date_fin) = 0 OR DAY(date_fin) = 0, date_fin, date_fin + INTERVAL 1 DAY) AS day_after
  FROM `lms`.session_formations
  WHERE
    date_debut >= '1000-01-01'
    AND date_fin >= '1000-01-01'
),

sessions AS (
  SELECT
    id,
    filiere_id,
    annee_formation_id,
    CAST(first_day AS DATETIME(6)) AS active_from,
    CAST(day_after AS DATETIME(6)) AS active_to
  FROM dated_sessions
)

SELECT
  'GLOBAL' AS scope_type,
  NULL AS scope_ref_id,
  id AS learner_id,
  created_at AS active_from,
  NULL AS active_to
FROM `lms`.apprenants
WHERE
  actif = 1
  AND id IN (SELECT listed.id FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed)
UNION ALL
SELECT
  'APPRENANT' AS scope_type,
  id AS scope_ref_id,
  id AS learner_id,
  created_at AS active_from,
  NULL AS active_to
FROM `lms`.apprenants
WHERE
  actif = 1
  AND id IN (SELECT listed.id FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed)
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
FROM `lms`.apprenant_sous_groupe AS pivot
LEFT JOIN `lms`.apprenants
  ON apprenants.id = pivot.apprenant_id
WHERE
  (apprenants.actif = 1 OR apprenants.id IS NULL)
  AND pivot.apprenant_id IN (SELECT listed.id FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed)
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
INNER JOIN `lms`.groupes
  ON groupes.filiere_id = sessions.filiere_id
  AND groupes.annee_formation_id = sessions.annee_formation_id
INNER JOIN group_members
  ON group_members.groupe_id = groupes.id
) AS adapter_row
WHERE
  adapter_row.learner_id IN (SELECT wanted.learner_id FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS wanted);

-- step: membership: reject unknown scopes and learners | phase=find relation=membership
INSERT INTO kpi_reject (relation, source_key, field, reason, detail, first_seen_at, last_seen_at)
SELECT
  new.relation,
  new.source_key,
  new.field,
  new.reason,
  new.detail,
  new.seen_at,
  new.seen_at
FROM (
  SELECT
    'membership' AS relation,
    rejected.source_key,
    rejected.field,
    rejected.reason,
    rejected.detail,
    %(captured_at)s AS seen_at
  FROM (
    SELECT
      CONCAT_WS(':', stage.scope_type, stage.scope_ref_id, stage.learner_id) AS source_key,
      '' AS field,
      CASE
        WHEN
          stage.source_scope_ref_id NOT BETWEEN 1 AND 9223372036854775807
          OR stage.learner_id NOT BETWEEN 1 AND 9223372036854775807
          THEN 'id_out_of_range'
        WHEN stage_scope.ref_key IS NULL THEN 'unknown_scope'
        ELSE 'unknown_learner'
      END AS reason,
      NULL AS detail
    FROM stage_membership AS stage
    LEFT JOIN stage_scope
      ON stage_scope.scope_type = stage.scope_type
      AND stage_scope.ref_key = stage.scope_ref_id
    LEFT JOIN known_learner
      ON known_learner.learner_id = stage.learner_id
    WHERE
      stage_scope.ref_key IS NULL
      OR known_learner.learner_id IS NULL
  ) AS rejected
) AS new
ON DUPLICATE KEY UPDATE
  detail = new.detail,
  last_seen_at = new.seen_at;

-- step: membership: leave out unknown | phase=find relation=membership
DELETE stage
FROM stage_membership AS stage
LEFT JOIN stage_scope
  ON stage_scope.scope_type = stage.scope_type
  AND stage_scope.ref_key = stage.scope_ref_id
LEFT JOIN known_learner
  ON known_learner.learner_id = stage.learner_id
WHERE
  stage_scope.ref_key IS NULL
  OR known_learner.learner_id IS NULL;

-- step: membership: reject unusable dates | phase=find relation=membership
INSERT /*+ SET_VAR(sql_mode = 'ALLOW_INVALID_DATES') */ INTO kpi_reject (relation, source_key, field, reason, detail, first_seen_at, last_seen_at)
SELECT
  new.relation,
  new.source_key,
  new.field,
  new.reason,
  new.detail,
  new.seen_at,
  new.seen_at
FROM (
  SELECT
    'membership' AS relation,
    rejected.source_key,
    rejected.field,
    rejected.reason,
    rejected.detail,
    %(captured_at)s AS seen_at
  FROM (
    SELECT
      dated.source_key,
      dated.field,
      IF(MONTH(dated.given) = 0 OR DAY(dated.given) = 0, 'zero_date', 'date_out_of_range') AS reason,
      CAST(dated.given AS CHAR) AS detail
    FROM (
      SELECT
        CONCAT_WS(':', stage.scope_type, stage.scope_ref_id, stage.learner_id) AS source_key,
        listed.field,
        CASE listed.field
          WHEN 'active_from' THEN stage.active_from
          WHEN 'active_to' THEN stage.active_to
        END AS given
      FROM stage_membership AS stage
      CROSS JOIN (
        SELECT 'active_from' AS field
        UNION ALL SELECT 'active_to'
      ) AS listed
      WHERE
        COALESCE(stage.active_from NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(stage.active_from) > DAY(LAST_DAY(stage.active_from)), stage.active_from IS NOT NULL)
        OR COALESCE(stage.active_to NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(stage.active_to) > DAY(LAST_DAY(stage.active_to)), stage.active_to IS NOT NULL)
    ) AS dated
    WHERE COALESCE(dated.given NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(dated.given) > DAY(LAST_DAY(dated.given)), dated.given IS NOT NULL)
  ) AS rejected
) AS new
ON DUPLICATE KEY UPDATE
  detail = new.detail,
  last_seen_at = new.seen_at;

-- step: membership: leave out unusable dates | phase=find relation=membership
UPDATE /*+ SET_VAR(sql_mode = 'ALLOW_INVALID_DATES') */ stage_membership
SET
  active_from = IF(COALESCE(active_from NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(active_from) > DAY(LAST_DAY(active_from)), active_from IS NOT NULL), NULL, active_from),
  active_to = IF(COALESCE(active_to NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(active_to) > DAY(LAST_DAY(active_to)), active_to IS NOT NULL), NULL, active_to)
WHERE
  COALESCE(active_from NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(active_from) > DAY(LAST_DAY(active_from)), active_from IS NOT NULL)
  OR COALESCE(active_to NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(active_to) > DAY(LAST_DAY(active_to)), active_to IS NOT NULL);

-- step: membership: find reused learners | phase=find relation=membership
-- An id with another beginning is another person, of whom nothing was captured yet.
INSERT INTO reused_learner (learner_id, active_from, captured_from)
SELECT
  stage.learner_id,
  stage.active_from,
  latest.active_from
FROM stage_membership AS stage
INNER JOIN LATERAL (
  SELECT version.active_from
  FROM kpi_src_membership AS version
  WHERE
    version.learner_id = stage.learner_id
    AND version.scope_type = 'APPRENANT'
    AND version.scope_ref_id = stage.learner_id
  ORDER BY version.valid_from DESC
  LIMIT 1
) AS latest
  ON latest.active_from <> stage.active_from
WHERE stage.scope_type = 'APPRENANT';

-- step: membership: reject ids used for another learner | phase=run relation=membership
INSERT INTO kpi_reject (relation, source_key, field, reason, detail, first_seen_at, last_seen_at)
SELECT
  new.relation,
  new.source_key,
  new.field,
  new.reason,
  new.detail,
  new.seen_at,
  new.seen_at
FROM (
  SELECT
    'membership' AS relation,
    rejected.source_key,
    rejected.field,
    rejected.reason,
    rejected.detail,
    %(captured_at)s AS seen_at
  FROM (
    SELECT
      CONCAT_WS(':', 'APPRENANT', learner_id, learner_id) AS source_key,
      'active_from' AS field,
      'reused_id' AS reason,
      CONCAT(active_from, ', captured before as ', captured_from) AS detail
    FROM reused_learner
  ) AS rejected
) AS new
ON DUPLICATE KEY UPDATE
  detail = new.detail,
  last_seen_at = new.seen_at;

-- step: membership: find new and changed | phase=find relation=membership when=later
INSERT INTO change_membership (
  scope_type, scope_ref_id, learner_id, kind, new_from, open_from, active_from, active_to
)
SELECT
  stage.scope_type,
  stage.scope_ref_id,
  stage.learner_id,
  IF(open_version.learner_id IS NULL, 'new', 'changed'),
  IF(
    open_version.learner_id IS NULL,
    CASE
    WHEN stage.active_from > GREATEST(CAST(%(previous)s AS DATETIME(6)), COALESCE(seen.captured_at, CAST(%(previous)s AS DATETIME(6)))) AND stage.active_from <= %(captured_at)s THEN stage.active_from
    ELSE CAST(%(captured_at)s AS DATETIME(6))
  END,
    CAST(%(captured_at)s AS DATETIME(6))
  ),
  open_version.valid_from,
  stage.active_from,
  stage.active_to
FROM kpi_time AS day
INNER JOIN stage_membership AS stage
LEFT JOIN kpi_src_membership AS open_version
  ON open_version.valid_to = '9999-12-31'
  AND open_version.scope_type = stage.scope_type
  AND open_version.scope_ref_id = stage.scope_ref_id
  AND open_version.learner_id = stage.learner_id
LEFT JOIN kpi_src_learner AS seen
  ON seen.learner_id = stage.learner_id
LEFT JOIN reused_learner
  ON reused_learner.learner_id = stage.learner_id
WHERE
  day.date_id = %(day)s
  AND (
    open_version.learner_id IS NULL
    OR reused_learner.learner_id IS NOT NULL
    OR NOT (
      open_version.active_from <=> stage.active_from
      AND open_version.active_to <=> stage.active_to
    )
  );

-- step: membership: find vanished | phase=find relation=membership
INSERT INTO change_membership (scope_type, scope_ref_id, learner_id, kind, new_from, open_from)
SELECT
  open_version.scope_type,
  open_version.scope_ref_id,
  open_version.learner_id,
  'vanished',
  CAST(%(captured_at)s AS DATETIME(6)),
  open_version.valid_from
FROM kpi_time AS day
CROSS JOIN JSON_TABLE(%(learners)s, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS wanted
INNER JOIN kpi_src_membership AS open_version
  ON open_version.valid_to = '9999-12-31'
  AND open_version.learner_id = wanted.learner_id
LEFT JOIN kpi_src_learner AS seen
  ON seen.learner_id = open_version.learner_id
LEFT JOIN stage_membership AS stage
  ON stage.scope_type = open_version.scope_type
  AND stage.scope_ref_id = open_version.scope_ref_id
  AND stage.learner_id = open_version.learner_id
WHERE
  day.date_id = %(day)s
  AND stage.scope_type IS NULL;

-- step: membership: find reopened | phase=find relation=membership
UPDATE change_membership AS new_row
INNER JOIN LATERAL (
  SELECT MAX(closed.valid_to) AS closed_at
  FROM kpi_src_membership AS closed
  WHERE
    closed.scope_type = new_row.scope_type
    AND closed.scope_ref_id = new_row.scope_ref_id
    AND closed.learner_id = new_row.learner_id
) AS earlier
  ON earlier.closed_at IS NOT NULL
SET
  new_row.kind = 'reopened',
  new_row.new_from = GREATEST(new_row.new_from, earlier.closed_at)
WHERE new_row.kind = 'new';

-- step: membership: judge | phase=find relation=membership when=later gives=plausibility
SELECT
  in_force.scope_type AS part,
  in_force.n,
  IF(EXISTS (SELECT 1 FROM stage_membership), 0, COALESCE(differing.n_vanished, 0)) AS n_vanished,
  0 AS n_changed
FROM (
  SELECT
    scope_type,
    COUNT(*) AS n
  FROM kpi_src_membership
  WHERE
    valid_to = '9999-12-31'
    AND learner_id IN (SELECT wanted.learner_id FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS wanted)
  GROUP BY scope_type
) AS in_force
LEFT JOIN (
  SELECT
    scope_type,
    SUM(kind = 'vanished') AS n_vanished
  FROM change_membership
  GROUP BY scope_type
) AS differing
  ON differing.scope_type = in_force.scope_type;

-- step: membership: keep what is replaced | relation=membership when=later
INSERT INTO kpi_before_membership (scope_type, scope_ref_id, learner_id, written_from, valid_from, active_from, active_to, origin)
SELECT
  change_row.scope_type,
  change_row.scope_ref_id,
  change_row.learner_id,
  CASE
    WHEN change_row.open_from IS NOT NULL THEN change_row.open_from
    WHEN change_row.kind = 'new' THEN '1970-01-01'
    ELSE (
      SELECT MAX(closed.valid_to)
      FROM kpi_src_membership AS closed
      WHERE
        closed.scope_type = change_row.scope_type
        AND closed.scope_ref_id = change_row.scope_ref_id
        AND closed.learner_id = change_row.learner_id
    )
  END,
  open_version.valid_from,
  open_version.active_from,
  open_version.active_to,
  open_version.origin
FROM change_membership AS change_row
LEFT JOIN kpi_before_membership AS kept
  ON kept.scope_type = change_row.scope_type
  AND kept.scope_ref_id = change_row.scope_ref_id
  AND kept.learner_id = change_row.learner_id
LEFT JOIN kpi_src_membership AS open_version
  ON open_version.valid_to = '9999-12-31'
  AND open_version.scope_type = change_row.scope_type
  AND open_version.scope_ref_id = change_row.scope_ref_id
  AND open_version.learner_id = change_row.learner_id
WHERE kept.scope_type IS NULL;

-- step: membership: remove versions that never lasted | relation=membership
DELETE ended
FROM change_membership AS change_row
INNER JOIN kpi_src_membership AS ended
  ON ended.valid_to = '9999-12-31'
  AND ended.scope_type = change_row.scope_type
  AND ended.scope_ref_id = change_row.scope_ref_id
  AND ended.learner_id = change_row.learner_id
WHERE change_row.new_from <= change_row.open_from;

-- step: membership: close versions | relation=membership
UPDATE change_membership AS change_row
INNER JOIN kpi_src_membership AS ended
  ON ended.valid_to = '9999-12-31'
  AND ended.scope_type = change_row.scope_type
  AND ended.scope_ref_id = change_row.scope_ref_id
  AND ended.learner_id = change_row.learner_id
SET ended.valid_to = change_row.new_from;

-- step: membership: open versions | relation=membership
INSERT INTO kpi_src_membership (
  valid_to, scope_type, scope_ref_id, learner_id, valid_from, active_from, active_to, origin
)
SELECT
  '9999-12-31',
  scope_type,
  scope_ref_id,
  learner_id,
  GREATEST(new_from, COALESCE(open_from, new_from)),
  active_from,
  active_to,
  IF(%(previous)s IS NULL, 'RECONSTRUCTED', 'CAPTURED')
FROM change_membership
WHERE kind <> 'vanished';

-- step: membership: count | relation=membership gives=counts
SELECT
  (SELECT COUNT(*) FROM stage_membership) AS staged,
  SUM(kind = 'new') AS n_new,
  SUM(kind = 'changed') AS n_changed,
  SUM(kind = 'vanished') AS n_vanished,
  SUM(kind = 'reopened') AS n_reopened
FROM change_membership;

-- step: realisation: create stage | phase=create relation=realisation
CREATE TEMPORARY TABLE IF NOT EXISTS stage_realisation (
  domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') NOT NULL,
  ref_id DECIMAL(20, 0) NOT NULL,
  learner_id DECIMAL(20, 0) NOT NULL,
  state_code VARCHAR(1000) NULL,
  state_order DECIMAL(20, 0) NULL,
  is_final DOUBLE NULL,
  progress_pct DOUBLE NULL,
  score DOUBLE NULL,
  score_max DOUBLE NULL,
  started_at DATETIME(6) NULL,
  finished_at DATETIME(6) NULL,
  last_activity_at DATETIME(6) NULL,
  created_at DATETIME(6) NULL,
  changed_at DATETIME(6) NULL,
  usable_state_code VARCHAR(32) AS (IF(CHAR_LENGTH(state_code) <= 32, state_code, 'UNKNOWN')) VIRTUAL,
  usable_state_order INT AS (
    IF(CHAR_LENGTH(state_code) <= 32 AND state_order BETWEEN -2147483648 AND 2147483647, state_order, 999)
  ) VIRTUAL,
  usable_is_final TINYINT(1) AS (COALESCE(is_final <> 0, 0)) VIRTUAL,
  usable_progress_pct DECIMAL(13, 10) AS (IF(progress_pct BETWEEN 0 AND 100, progress_pct, NULL)) VIRTUAL,
  usable_score DECIMAL(20, 10) AS (IF(score >= 0 AND score < 1e10, score, NULL)) VIRTUAL,
  usable_score_max DECIMAL(20, 10) AS (IF(score_max >= 0 AND score_max < 1e10, score_max, NULL)) VIRTUAL,
  PRIMARY KEY (domain, ref_id, learner_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: realisation: create changes | phase=create relation=realisation
CREATE TEMPORARY TABLE IF NOT EXISTS change_realisation (
  domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') NOT NULL,
  ref_id BIGINT NOT NULL,
  learner_id BIGINT NOT NULL,
  kind ENUM('new', 'changed', 'reopened', 'vanished') NOT NULL,
  new_from DATETIME(6) NOT NULL,
  open_from DATETIME(6) NULL,
  state_code VARCHAR(32) NULL,
  state_order INT NULL,
  is_final TINYINT(1) NULL,
  progress_pct DECIMAL(13, 10) NULL,
  score DECIMAL(20, 10) NULL,
  score_max DECIMAL(20, 10) NULL,
  source_started_at DATETIME(6) NULL,
  source_finished_at DATETIME(6) NULL,
  last_activity_at DATETIME(6) NULL,
  created_at DATETIME(6) NULL,
  PRIMARY KEY (domain, ref_id, learner_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: realisation: create runs | phase=create relation=realisation
CREATE TEMPORARY TABLE IF NOT EXISTS run_realisation (
  domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') NOT NULL,
  ref_id BIGINT NOT NULL,
  learner_id BIGINT NOT NULL,
  valid_from DATETIME(6) NOT NULL COMMENT 'of the version to open',
  started_from DATETIME(6) NULL,
  started_seen_at DATETIME(6) NULL,
  unstarted_seen_at DATETIME(6) NULL,
  final_from DATETIME(6) NULL,
  final_seen_at DATETIME(6) NULL,
  unfinal_seen_at DATETIME(6) NULL,
  PRIMARY KEY (domain, ref_id, learner_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: realisation: read | phase=find relation=realisation gives=relation
SELECT
  adapter_row.domain,
  adapter_row.ref_id,
  adapter_row.learner_id,
  adapter_row.state_code,
  adapter_row.state_order,
  adapter_row.is_final,
  adapter_row.progress_pct,
  adapter_row.score,
  adapter_row.score_max,
  adapter_row.started_at,
  adapter_row.finished_at,
  adapter_row.last_activity_at,
  adapter_row.created_at,
  adapter_row.changed_at
FROM (
/*
relation: realisation
counts: >
  One row per learner and thing to learn (module, competence, micro-competence or UA): where he stands on it now, as
  the LMS says. Two source rows for one of these: the one with the greatest id; reject.sql lists the others.
reads:
  realisation_modules: [
    id, apprenant_id, module_id, etat_realisation_module_id, date_debut, date_fin, progression_cache, note_cache,
    bareme_cache, dernier_update, created_at, updated_at]
  realisation_competences: [
    id, apprenant_id, competence_id, etat_realisation_competence_id, date_debut, date_fin, progression_cache,
    note_cache, bareme_cache, dernier_update, created_at, updated_at]
  realisation_micro_competences: [
    id, apprenant_id, micro_competence_id, etat_realisation_micro_competence_id, date_debut, date_fin,
    progression_cache, note_cache, bareme_cache, dernier_update, created_at, updated_at]
  realisation_uas: [
    id, realisation_micro_competence_id, unite_apprentissage_id, etat_realisation_ua_id, date_debut, date_fin,
    progression_cache, note_cache, bareme_cache, dernier_update, created_at, updated_at]
  etat_realisation_modules: [id, code, ordre]
  etat_realisation_competences: [id, code, ordre]
  etat_realisation_micro_competences: [id, code, ordre]
  etat_realisation_uas: [id, code, ordre]
types: {date_debut: datetime, date_fin: datetime, dernier_update: datetime, created_at: timestamp, updated_at: timestamp}
hints: [last_activity_at]
notes: >
  A realisation of a UA has no learner of its own: he is that of its own realisation_micro_competence_id. (Going
  through the UA's micro-competence instead makes MySQL join every UA with every learner.) Final is DONE only, though
  PAUSED and BLOCKED come after it; a row without a state has state_code and state_order NULL. Dates, marks and
  progress come out as they are: the capture judges them. dernier_update is a hint: the LMS sets it on every row that
  it recomputes, on all of them at once now and then, and whenever a person saves one.
example: >
  realisation_modules 120 and 123, both of learner 12 and module 2, the second one DONE (ordre 5) with 34 out of 40:
  one row, MODULE, 2, 12, DONE, 5, final, progress 100, score 34, score_max 40.
*/
WITH newest_modules AS (
  SELECT
    id,
    apprenant_id AS learner_id,
    ROW_NUMBER() OVER (PARTITION BY apprenant_id, module_id ORDER BY id DESC) AS nth
  FROM `lms`.realisation_modules
  WHERE apprenant_id IN (SELECT listed.id FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed)
),

newest_competences AS (
  SELECT
    id,
    apprenant_id AS learner_id,
    ROW_NUMBER() OVER (PARTITION BY apprenant_id, competence_id ORDER BY id DESC) AS nth
  FROM `lms`.realisation_competences
  WHERE apprenant_id IN (SELECT listed.id FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed)
),

newest_micro_competences AS (
  SELECT
    id,
    apprenant_id AS learner_id,
    ROW_NUMBER() OVER (PARTITION BY apprenant_id, micro_competence_id ORDER BY id DESC) AS nth
  FROM `lms`.realisation_micro_competences
  WHERE apprenant_id IN (SELECT listed.id FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed)
),

newest_uas AS (
  SELECT
    uas.id,
    parents.apprenant_id AS learner_id,
    ROW_NUMBER() OVER (PARTITION BY parents.apprenant_id, uas.unite_apprentissage_id ORDER BY uas.id DESC) AS nth
  FROM `lms`.realisation_uas AS uas
  INNER JOIN `lms`.realisation_micro_competences AS parents
    ON parents.id = uas.realisation_micro_competence_id
  WHERE parents.apprenant_id IN (SELECT listed.id FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed)
)

SELECT
  'MODULE' AS domain,
  realisations.module_id AS ref_id,
  newest.learner_id,
  CONVERT(states.code USING utf8mb4) COLLATE utf8mb4_unicode_ci AS state_code,
  states.ordre AS state_order,
  COALESCE(states.code = 'DONE', FALSE) AS is_final,
  realisations.progression_cache AS progress_pct,
  realisations.note_cache AS score,
  realisations.bareme_cache AS score_max,
  CAST(realisations.date_debut AS DATETIME(6)) AS started_at,
  CAST(realisations.date_fin AS DATETIME(6)) AS finished_at,
  CAST(realisations.dernier_update AS DATETIME(6)) AS last_activity_at,
  realisations.created_at,
  realisations.updated_at AS changed_at
FROM newest_modules AS newest
INNER JOIN `lms`.realisation_modules AS realisations
  ON realisations.id = newest.id
LEFT JOIN `lms`.etat_realisation_modules AS states
  ON states.id = realisations.etat_realisation_module_id
WHERE newest.nth = 1
UNION ALL
SELECT
  'COMPETENCE' AS domain,
  realisations.competence_id AS ref_id,
  newest.learner_id,
  CONVERT(states.code USING utf8mb4) COLLATE utf8mb4_unicode_ci AS state_code,
  states.ordre AS state_order,
  COALESCE(states.code = 'DONE', FALSE) AS is_final,
  realisations.progression_cache AS progress_pct,
  realisations.note_cache AS score,
  realisations.bareme_cache AS score_max,
  CAST(realisations.date_debut AS DATETIME(6)) AS started_at,
  CAST(realisations.date_fin AS DATETIME(6)) AS finished_at,
  CAST(realisations.dernier_update AS DATETIME(6)) AS last_activity_at,
  realisations.created_at,
  realisations.updated_at AS changed_at
FROM newest_competences AS newest
INNER JOIN `lms`.realisation_competences AS realisations
  ON realisations.id = newest.id
LEFT JOIN `lms`.etat_realisation_competences AS states
  ON states.id = realisations.etat_realisation_competence_id
WHERE newest.nth = 1
UNION ALL
SELECT
  'MICRO_COMPETENCE' AS domain,
  realisations.micro_competence_id AS ref_id,
  newest.learner_id,
  CONVERT(states.code USING utf8mb4) COLLATE utf8mb4_unicode_ci AS state_code,
  states.ordre AS state_order,
  COALESCE(states.code = 'DONE', FALSE) AS is_final,
  realisations.progression_cache AS progress_pct,
  realisations.note_cache AS score,
  realisations.bareme_cache AS score_max,
  CAST(realisations.date_debut AS DATETIME(6)) AS started_at,
  CAST(realisations.date_fin AS DATETIME(6)) AS finished_at,
  CAST(realisations.dernier_update AS DATETIME(6)) AS last_activity_at,
  realisations.created_at,
  realisations.updated_at AS changed_at
FROM newest_micro_competences AS newest
INNER JOIN `lms`.realisation_micro_competences AS realisations
  ON realisations.id = newest.id
LEFT JOIN `lms`.etat_realisation_micro_competences AS states
  ON states.id = realisations.etat_realisation_micro_competence_id
WHERE newest.nth = 1
UNION ALL
SELECT
  'UA' AS domain,
  realisations.unite_apprentissage_id AS ref_id,
  newest.learner_id,
  CONVERT(states.code USING utf8mb4) COLLATE utf8mb4_unicode_ci AS state_code,
  states.ordre AS state_order,
  COALESCE(states.code = 'DONE', FALSE) AS is_final,
  realisations.progression_cache AS progress_pct,
  realisations.note_cache AS score,
  realisations.bareme_cache AS score_max,
  CAST(realisations.date_debut AS DATETIME(6)) AS started_at,
  CAST(realisations.date_fin AS DATETIME(6)) AS finished_at,
  CAST(realisations.dernier_update AS DATETIME(6)) AS last_activity_at,
  realisations.created_at,
  realisations.updated_at AS changed_at
FROM newest_uas AS newest
INNER JOIN `lms`.realisation_uas AS realisations
  ON realisations.id = newest.id
LEFT JOIN `lms`.etat_realisation_uas AS states
  ON states.id = realisations.etat_realisation_ua_id
WHERE newest.nth = 1
) AS adapter_row
WHERE
  adapter_row.learner_id IN (SELECT wanted.learner_id FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS wanted);

-- step: realisation: reject unknown targets and learners | phase=find relation=realisation
INSERT INTO kpi_reject (relation, source_key, field, reason, detail, first_seen_at, last_seen_at)
SELECT
  new.relation,
  new.source_key,
  new.field,
  new.reason,
  new.detail,
  new.seen_at,
  new.seen_at
FROM (
  SELECT
    'realisation' AS relation,
    rejected.source_key,
    rejected.field,
    rejected.reason,
    rejected.detail,
    %(captured_at)s AS seen_at
  FROM (
    SELECT
      CONCAT_WS(':', stage.domain, stage.ref_id, stage.learner_id) AS source_key,
      '' AS field,
      CASE
        WHEN stage.ref_id NOT BETWEEN 1 AND 9223372036854775807 OR stage.learner_id NOT BETWEEN 1 AND 9223372036854775807 THEN 'id_out_of_range'
        WHEN stage_target.ref_key IS NULL THEN 'unknown_target'
        ELSE 'unknown_learner'
      END AS reason,
      NULL AS detail
    FROM stage_realisation AS stage
    LEFT JOIN (SELECT target_type, ref_id AS ref_key FROM kpi_src_target) AS stage_target
      ON stage_target.target_type = stage.domain
      AND stage_target.ref_key = stage.ref_id
    LEFT JOIN known_learner
      ON known_learner.learner_id = stage.learner_id
    WHERE
      stage_target.ref_key IS NULL
      OR known_learner.learner_id IS NULL
  ) AS rejected
) AS new
ON DUPLICATE KEY UPDATE
  detail = new.detail,
  last_seen_at = new.seen_at;

-- step: realisation: leave out unknown | phase=find relation=realisation
DELETE stage
FROM stage_realisation AS stage
LEFT JOIN (SELECT target_type, ref_id AS ref_key FROM kpi_src_target) AS stage_target
  ON stage_target.target_type = stage.domain
  AND stage_target.ref_key = stage.ref_id
LEFT JOIN known_learner
  ON known_learner.learner_id = stage.learner_id
WHERE
  stage_target.ref_key IS NULL
  OR known_learner.learner_id IS NULL;

-- step: realisation: reject unusable fields | phase=find relation=realisation
INSERT INTO kpi_reject (relation, source_key, field, reason, detail, first_seen_at, last_seen_at)
SELECT
  new.relation,
  new.source_key,
  new.field,
  new.reason,
  new.detail,
  new.seen_at,
  new.seen_at
FROM (
  SELECT
    'realisation' AS relation,
    rejected.source_key,
    rejected.field,
    rejected.reason,
    rejected.detail,
    %(captured_at)s AS seen_at
  FROM (
    SELECT
      CONCAT_WS(':', stage.domain, stage.ref_id, stage.learner_id) AS source_key,
      rule.field,
      rule.reason,
      CASE rule.field
        WHEN 'state_code' THEN LEFT(stage.state_code, 255)
        WHEN 'state_order' THEN CAST(stage.state_order AS CHAR)
        WHEN 'progress_pct' THEN CAST(stage.progress_pct AS CHAR)
        ELSE CONCAT_WS(' / ', COALESCE(stage.score, 'NULL'), COALESCE(stage.score_max, 'NULL'))
      END AS detail
    FROM stage_realisation AS stage
    INNER JOIN (
      SELECT 'progress_pct' AS field, 'progress_outside_0_100' AS reason
      UNION ALL SELECT 'score', 'negative_score'
      UNION ALL SELECT 'score_max', 'negative_score_max'
      UNION ALL SELECT 'score', 'score_above_scale'
      UNION ALL SELECT 'score', 'score_too_large'
      UNION ALL SELECT 'score_max', 'score_max_too_large'
      UNION ALL SELECT 'state_code', 'state_code_too_long'
      UNION ALL SELECT 'state_order', 'state_order_out_of_range'
    ) AS rule
      ON CASE rule.reason
        WHEN 'progress_outside_0_100' THEN stage.progress_pct < 0 OR stage.progress_pct > 100
        WHEN 'negative_score' THEN stage.score < 0
        WHEN 'negative_score_max' THEN stage.score_max < 0
        WHEN 'score_above_scale' THEN stage.usable_score > stage.usable_score_max
        WHEN 'score_too_large' THEN stage.score >= 1e10
        WHEN 'score_max_too_large' THEN stage.score_max >= 1e10
        WHEN 'state_code_too_long' THEN CHAR_LENGTH(stage.state_code) > 32
        WHEN 'state_order_out_of_range' THEN stage.state_order NOT BETWEEN -2147483648 AND 2147483647
      END
    WHERE
      stage.progress_pct < 0
      OR stage.progress_pct > 100
      OR stage.score < 0
      OR stage.score_max < 0
      OR stage.score > stage.score_max
      OR stage.score >= 1e10
      OR stage.score_max >= 1e10
      OR CHAR_LENGTH(stage.state_code) > 32
      OR stage.state_order NOT BETWEEN -2147483648 AND 2147483647
  ) AS rejected
) AS new
ON DUPLICATE KEY UPDATE
  detail = new.detail,
  last_seen_at = new.seen_at;

-- step: realisation: reject unusable dates | phase=find relation=realisation
INSERT /*+ SET_VAR(sql_mode = 'ALLOW_INVALID_DATES') */ INTO kpi_reject (relation, source_key, field, reason, detail, first_seen_at, last_seen_at)
SELECT
  new.relation,
  new.source_key,
  new.field,
  new.reason,
  new.detail,
  new.seen_at,
  new.seen_at
FROM (
  SELECT
    'realisation' AS relation,
    rejected.source_key,
    rejected.field,
    rejected.reason,
    rejected.detail,
    %(captured_at)s AS seen_at
  FROM (
    SELECT
      dated.source_key,
      dated.field,
      IF(MONTH(dated.given) = 0 OR DAY(dated.given) = 0, 'zero_date', 'date_out_of_range') AS reason,
      CAST(dated.given AS CHAR) AS detail
    FROM (
      SELECT
        CONCAT_WS(':', stage.domain, stage.ref_id, stage.learner_id) AS source_key,
        listed.field,
        CASE listed.field
          WHEN 'started_at' THEN stage.started_at
          WHEN 'finished_at' THEN stage.finished_at
          WHEN 'last_activity_at' THEN stage.last_activity_at
          WHEN 'created_at' THEN stage.created_at
          WHEN 'changed_at' THEN stage.changed_at
        END AS given
      FROM stage_realisation AS stage
      CROSS JOIN (
        SELECT 'started_at' AS field
        UNION ALL SELECT 'finished_at'
        UNION ALL SELECT 'last_activity_at'
        UNION ALL SELECT 'created_at'
        UNION ALL SELECT 'changed_at'
      ) AS listed
      WHERE
        COALESCE(stage.started_at NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(stage.started_at) > DAY(LAST_DAY(stage.started_at)), stage.started_at IS NOT NULL)
        OR COALESCE(stage.finished_at NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(stage.finished_at) > DAY(LAST_DAY(stage.finished_at)), stage.finished_at IS NOT NULL)
        OR COALESCE(stage.last_activity_at NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(stage.last_activity_at) > DAY(LAST_DAY(stage.last_activity_at)), stage.last_activity_at IS NOT NULL)
        OR COALESCE(stage.created_at NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(stage.created_at) > DAY(LAST_DAY(stage.created_at)), stage.created_at IS NOT NULL)
        OR COALESCE(stage.changed_at NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(stage.changed_at) > DAY(LAST_DAY(stage.changed_at)), stage.changed_at IS NOT NULL)
    ) AS dated
    WHERE COALESCE(dated.given NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(dated.given) > DAY(LAST_DAY(dated.given)), dated.given IS NOT NULL)
  ) AS rejected
) AS new
ON DUPLICATE KEY UPDATE
  detail = new.detail,
  last_seen_at = new.seen_at;

-- step: realisation: leave out unusable dates | phase=find relation=realisation
UPDATE /*+ SET_VAR(sql_mode = 'ALLOW_INVALID_DATES') */ stage_realisation
SET
  started_at = IF(COALESCE(started_at NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(started_at) > DAY(LAST_DAY(started_at)), started_at IS NOT NULL), NULL, started_at),
  finished_at = IF(COALESCE(finished_at NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(finished_at) > DAY(LAST_DAY(finished_at)), finished_at IS NOT NULL), NULL, finished_at),
  last_activity_at = IF(COALESCE(last_activity_at NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(last_activity_at) > DAY(LAST_DAY(last_activity_at)), last_activity_at IS NOT NULL), NULL, last_activity_at),
  created_at = IF(COALESCE(created_at NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(created_at) > DAY(LAST_DAY(created_at)), created_at IS NOT NULL), NULL, created_at),
  changed_at = IF(COALESCE(changed_at NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(changed_at) > DAY(LAST_DAY(changed_at)), changed_at IS NOT NULL), NULL, changed_at)
WHERE
  COALESCE(started_at NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(started_at) > DAY(LAST_DAY(started_at)), started_at IS NOT NULL)
  OR COALESCE(finished_at NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(finished_at) > DAY(LAST_DAY(finished_at)), finished_at IS NOT NULL)
  OR COALESCE(last_activity_at NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(last_activity_at) > DAY(LAST_DAY(last_activity_at)), last_activity_at IS NOT NULL)
  OR COALESCE(created_at NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(created_at) > DAY(LAST_DAY(created_at)), created_at IS NOT NULL)
  OR COALESCE(changed_at NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(changed_at) > DAY(LAST_DAY(changed_at)), changed_at IS NOT NULL);

-- step: realisation: find new and changed | phase=find relation=realisation when=later
INSERT INTO change_realisation (
  domain, ref_id, learner_id, kind, new_from, open_from, state_code, state_order, is_final, progress_pct, score, score_max, source_started_at, source_finished_at, last_activity_at, created_at
)
SELECT
  stage.domain,
  stage.ref_id,
  stage.learner_id,
  IF(open_version.learner_id IS NULL, 'new', 'changed'),
  CASE
    WHEN stage.changed_at > GREATEST(CAST(%(previous)s AS DATETIME(6)), COALESCE(seen.captured_at, CAST(%(previous)s AS DATETIME(6)))) AND stage.changed_at <= %(captured_at)s THEN stage.changed_at
    ELSE CAST(%(captured_at)s AS DATETIME(6))
  END,
  open_version.valid_from,
  stage.usable_state_code,
  stage.usable_state_order,
  stage.usable_is_final,
  stage.usable_progress_pct,
  stage.usable_score,
  stage.usable_score_max,
  stage.started_at,
  stage.finished_at,
  CASE
    WHEN
      open_version.learner_id IS NULL
      OR reused_learner.learner_id IS NOT NULL
      OR open_version.created_at <> stage.created_at
      THEN stage.last_activity_at
    WHEN
      stage.last_activity_at > GREATEST(CAST(%(previous)s AS DATETIME(6)), COALESCE(seen.captured_at, CAST(%(previous)s AS DATETIME(6)))) - INTERVAL 1 HOUR
      AND NOT (
        open_version.state_code <=> stage.usable_state_code
        AND open_version.progress_pct <=> stage.usable_progress_pct
        AND open_version.score <=> stage.usable_score
        AND open_version.source_started_at <=> stage.started_at
        AND open_version.source_finished_at <=> stage.finished_at
      )
      THEN stage.last_activity_at
    ELSE open_version.last_activity_at
  END,
  stage.created_at
FROM kpi_time AS day
INNER JOIN stage_realisation AS stage
LEFT JOIN kpi_src_realisation AS open_version
  ON open_version.valid_to = '9999-12-31'
  AND open_version.domain = stage.domain
  AND open_version.ref_id = stage.ref_id
  AND open_version.learner_id = stage.learner_id
LEFT JOIN kpi_src_learner AS seen
  ON seen.learner_id = stage.learner_id
LEFT JOIN reused_learner
  ON reused_learner.learner_id = stage.learner_id
WHERE
  day.date_id = %(day)s
  AND (
    open_version.learner_id IS NULL
    OR reused_learner.learner_id IS NOT NULL
    OR NOT (
      open_version.state_code <=> stage.usable_state_code
      AND open_version.state_order <=> stage.usable_state_order
      AND open_version.is_final <=> stage.usable_is_final
      AND open_version.progress_pct <=> stage.usable_progress_pct
      AND open_version.score <=> stage.usable_score
      AND open_version.score_max <=> stage.usable_score_max
      AND open_version.source_started_at <=> stage.started_at
      AND open_version.source_finished_at <=> stage.finished_at
      AND open_version.created_at <=> stage.created_at
    )
  );

-- step: realisation: find vanished | phase=find relation=realisation
INSERT INTO change_realisation (domain, ref_id, learner_id, kind, new_from, open_from)
SELECT
  open_version.domain,
  open_version.ref_id,
  open_version.learner_id,
  'vanished',
  CAST(%(captured_at)s AS DATETIME(6)),
  open_version.valid_from
FROM kpi_time AS day
CROSS JOIN JSON_TABLE(%(learners)s, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS wanted
INNER JOIN kpi_src_realisation AS open_version
  ON open_version.valid_to = '9999-12-31'
  AND open_version.learner_id = wanted.learner_id
LEFT JOIN kpi_src_learner AS seen
  ON seen.learner_id = open_version.learner_id
LEFT JOIN stage_realisation AS stage
  ON stage.domain = open_version.domain
  AND stage.ref_id = open_version.ref_id
  AND stage.learner_id = open_version.learner_id
WHERE
  day.date_id = %(day)s
  AND stage.domain IS NULL;

-- step: realisation: find reopened | phase=find relation=realisation
UPDATE change_realisation AS new_row
INNER JOIN LATERAL (
  SELECT MAX(closed.valid_to) AS closed_at
  FROM kpi_src_realisation AS closed
  WHERE
    closed.domain = new_row.domain
    AND closed.ref_id = new_row.ref_id
    AND closed.learner_id = new_row.learner_id
) AS earlier
  ON earlier.closed_at IS NOT NULL
SET
  new_row.kind = 'reopened',
  new_row.new_from = GREATEST(new_row.new_from, earlier.closed_at)
WHERE new_row.kind = 'new';

-- step: realisation: reject rows made again | phase=run relation=realisation
INSERT INTO kpi_reject (relation, source_key, field, reason, detail, first_seen_at, last_seen_at)
SELECT
  new.relation,
  new.source_key,
  new.field,
  new.reason,
  new.detail,
  new.seen_at,
  new.seen_at
FROM (
  SELECT
    'realisation' AS relation,
    rejected.source_key,
    rejected.field,
    rejected.reason,
    rejected.detail,
    %(captured_at)s AS seen_at
  FROM (
    SELECT
      CONCAT_WS(':', change_row.domain, change_row.ref_id, change_row.learner_id) AS source_key,
      'created_at' AS field,
      'reused_id' AS reason,
      CONCAT(change_row.created_at, ', captured before as ', open_version.created_at) AS detail
    FROM change_realisation AS change_row
    INNER JOIN kpi_src_realisation AS open_version
      ON open_version.valid_to = '9999-12-31'
      AND open_version.domain = change_row.domain
      AND open_version.ref_id = change_row.ref_id
      AND open_version.learner_id = change_row.learner_id
      AND open_version.created_at <> change_row.created_at
    LEFT JOIN reused_learner
      ON reused_learner.learner_id = change_row.learner_id
    WHERE reused_learner.learner_id IS NULL
  ) AS rejected
) AS new
ON DUPLICATE KEY UPDATE
  detail = new.detail,
  last_seen_at = new.seen_at;

-- step: realisation: judge | phase=find relation=realisation when=later gives=plausibility
SELECT
  in_force.domain AS part,
  in_force.n,
  IF(EXISTS (SELECT 1 FROM stage_realisation), 0, COALESCE(differing.n_vanished, 0)) AS n_vanished,
  0 AS n_changed
FROM (
  SELECT
    domain,
    COUNT(*) AS n
  FROM kpi_src_realisation
  WHERE
    valid_to = '9999-12-31'
    AND learner_id IN (SELECT wanted.learner_id FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS wanted)
  GROUP BY domain
) AS in_force
LEFT JOIN (
  SELECT
    domain,
    SUM(kind = 'vanished') AS n_vanished
  FROM change_realisation
  GROUP BY domain
) AS differing
  ON differing.domain = in_force.domain;

-- step: realisation: follow runs | relation=realisation
/*
The started and the final run that each version to open belongs to (design, "Believe a source's instant unless the history
contradicts it"). A run is a chain of adjoining versions that are started (state other than TODO), or final. The latest
version of the row before the change tells it: `earlier`; where the change replaces that version (it would not have
lasted), the version before it may be the one that adjoins: `before_it`. No capture has seen a version that was reconstructed
and is closed: its last_seen_at is NULL. The open version is of another row when its creation is another one, and all are of
another learner's when the id was used again. Who first saw a run is a capture of all learners: until there is one, each capture alone
takes the place of the one before, so that an end that a person saves an hour after is believed with these captures and without them.
*/
INSERT INTO run_realisation (
  domain, ref_id, learner_id, valid_from, started_from, started_seen_at, unstarted_seen_at, final_from, final_seen_at,
  unfinal_seen_at
)
SELECT
  change_row.domain,
  change_row.ref_id,
  change_row.learner_id,
  GREATEST(change_row.new_from, COALESCE(change_row.open_from, change_row.new_from)) AS valid_from,
  CASE
    WHEN NOT (change_row.state_code <> 'TODO') THEN NULL
    WHEN earlier.started_from IS NOT NULL AND (change_row.open_from IS NOT NULL OR earlier.valid_to = change_row.new_from) THEN earlier.started_from
    WHEN before_it.started_from IS NOT NULL THEN before_it.started_from
    ELSE GREATEST(change_row.new_from, COALESCE(change_row.open_from, change_row.new_from))
  END AS started_from,
  CASE
    WHEN NOT (change_row.state_code <> 'TODO') THEN NULL
    WHEN earlier.started_from IS NOT NULL AND (change_row.open_from IS NOT NULL OR earlier.valid_to = change_row.new_from) THEN IF(earlier.started_seen_at > %(previous)s, %(captured_at)s, earlier.started_seen_at)
    WHEN before_it.started_from IS NOT NULL THEN IF(before_it.started_seen_at > %(previous)s, %(captured_at)s, before_it.started_seen_at)
    ELSE %(captured_at)s
  END AS started_seen_at,
  CASE
    WHEN earlier.learner_id IS NOT NULL AND earlier.started_from IS NULL THEN IF(earlier.valid_to = '9999-12-31', GREATEST(CAST(%(previous)s AS DATETIME(6)), COALESCE(seen.captured_at, CAST(%(previous)s AS DATETIME(6)))), earlier.last_seen_at)
    ELSE earlier.unstarted_seen_at
  END AS unstarted_seen_at,
  CASE
    WHEN NOT change_row.is_final THEN NULL
    WHEN earlier.final_from IS NOT NULL AND (change_row.open_from IS NOT NULL OR earlier.valid_to = change_row.new_from) THEN earlier.final_from
    WHEN before_it.final_from IS NOT NULL THEN before_it.final_from
    ELSE GREATEST(change_row.new_from, COALESCE(change_row.open_from, change_row.new_from))
  END AS final_from,
  CASE
    WHEN NOT change_row.is_final THEN NULL
    WHEN earlier.final_from IS NOT NULL AND (change_row.open_from IS NOT NULL OR earlier.valid_to = change_row.new_from) THEN IF(earlier.final_seen_at > %(previous)s, %(captured_at)s, earlier.final_seen_at)
    WHEN before_it.final_from IS NOT NULL THEN IF(before_it.final_seen_at > %(previous)s, %(captured_at)s, before_it.final_seen_at)
    ELSE %(captured_at)s
  END AS final_seen_at,
  CASE
    WHEN earlier.learner_id IS NOT NULL AND earlier.final_from IS NULL THEN IF(earlier.valid_to = '9999-12-31', GREATEST(CAST(%(previous)s AS DATETIME(6)), COALESCE(seen.captured_at, CAST(%(previous)s AS DATETIME(6)))), earlier.last_seen_at)
    ELSE earlier.unfinal_seen_at
  END AS unfinal_seen_at
FROM change_realisation AS change_row
LEFT JOIN kpi_src_learner AS seen
  ON seen.learner_id = change_row.learner_id
LEFT JOIN reused_learner
  ON reused_learner.learner_id = change_row.learner_id
LEFT JOIN LATERAL (
  SELECT version.*
  FROM kpi_src_realisation AS version
  WHERE
    version.learner_id = change_row.learner_id
    AND version.domain = change_row.domain
    AND version.ref_id = change_row.ref_id
  ORDER BY version.valid_from DESC
  LIMIT 1
) AS earlier
  ON (change_row.open_from IS NULL OR COALESCE(earlier.created_at = change_row.created_at, TRUE))
  AND reused_learner.learner_id IS NULL
LEFT JOIN kpi_src_realisation AS before_it
  ON change_row.new_from <= change_row.open_from
  AND earlier.learner_id IS NOT NULL
  AND COALESCE(before_it.created_at = change_row.created_at, TRUE)
  AND before_it.valid_to = change_row.open_from
  AND before_it.domain = change_row.domain
  AND before_it.ref_id = change_row.ref_id
  AND before_it.learner_id = change_row.learner_id
WHERE change_row.kind <> 'vanished';

-- step: realisation: keep what is replaced | relation=realisation when=later
INSERT INTO kpi_before_realisation (domain, ref_id, learner_id, written_from, valid_from, state_code, state_order, is_final, progress_pct, score, score_max, started_at, finished_at, last_activity_at, created_at, source_started_at, source_finished_at, started_from, started_seen_at, unstarted_seen_at, final_from, final_seen_at, unfinal_seen_at, last_seen_at, origin)
SELECT
  change_row.domain,
  change_row.ref_id,
  change_row.learner_id,
  CASE
    WHEN change_row.open_from IS NOT NULL THEN change_row.open_from
    WHEN change_row.kind = 'new' THEN '1970-01-01'
    ELSE (
      SELECT MAX(closed.valid_to)
      FROM kpi_src_realisation AS closed
      WHERE
        closed.domain = change_row.domain
        AND closed.ref_id = change_row.ref_id
        AND closed.learner_id = change_row.learner_id
    )
  END,
  open_version.valid_from,
  open_version.state_code,
  open_version.state_order,
  open_version.is_final,
  open_version.progress_pct,
  open_version.score,
  open_version.score_max,
  open_version.started_at,
  open_version.finished_at,
  open_version.last_activity_at,
  open_version.created_at,
  open_version.source_started_at,
  open_version.source_finished_at,
  open_version.started_from,
  open_version.started_seen_at,
  open_version.unstarted_seen_at,
  open_version.final_from,
  open_version.final_seen_at,
  open_version.unfinal_seen_at,
  open_version.last_seen_at,
  open_version.origin
FROM change_realisation AS change_row
LEFT JOIN kpi_before_realisation AS kept
  ON kept.domain = change_row.domain
  AND kept.ref_id = change_row.ref_id
  AND kept.learner_id = change_row.learner_id
LEFT JOIN kpi_src_realisation AS open_version
  ON open_version.valid_to = '9999-12-31'
  AND open_version.domain = change_row.domain
  AND open_version.ref_id = change_row.ref_id
  AND open_version.learner_id = change_row.learner_id
WHERE kept.domain IS NULL;

-- step: realisation: remove versions that never lasted | relation=realisation
DELETE ended
FROM change_realisation AS change_row
INNER JOIN kpi_src_realisation AS ended
  ON ended.valid_to = '9999-12-31'
  AND ended.domain = change_row.domain
  AND ended.ref_id = change_row.ref_id
  AND ended.learner_id = change_row.learner_id
WHERE change_row.new_from <= change_row.open_from;

-- step: realisation: close versions | relation=realisation
UPDATE change_realisation AS change_row
INNER JOIN kpi_src_realisation AS ended
  ON ended.valid_to = '9999-12-31'
  AND ended.domain = change_row.domain
  AND ended.ref_id = change_row.ref_id
  AND ended.learner_id = change_row.learner_id
LEFT JOIN kpi_src_learner AS seen
  ON seen.learner_id = change_row.learner_id
SET ended.valid_to = change_row.new_from,
  ended.last_seen_at = GREATEST(CAST(%(previous)s AS DATETIME(6)), COALESCE(seen.captured_at, CAST(%(previous)s AS DATETIME(6))));

-- step: realisation: open versions | relation=realisation
/*
Open the new versions, with the instants that are believed: what the source says, unless it is missing or the captures contradict
it; then the beginning of the run. A replaced start is never later than the end; an end before its start is set aside.
*/
INSERT INTO kpi_src_realisation (
  valid_to, domain, ref_id, learner_id, valid_from, state_code, state_order, is_final, progress_pct, score, score_max, source_started_at, source_finished_at, last_activity_at, created_at, started_at,
  finished_at, started_from, started_seen_at, unstarted_seen_at, final_from, final_seen_at, unfinal_seen_at, origin
)
WITH judged AS (
  SELECT
    change_row.*,
    run.valid_from,
    run.started_from,
    run.started_seen_at,
    run.unstarted_seen_at,
    run.final_from,
    run.final_seen_at,
    run.unfinal_seen_at,
    change_row.source_started_at IS NULL
    OR COALESCE(change_row.source_started_at < run.unstarted_seen_at, FALSE)
    OR change_row.source_started_at > run.started_seen_at AS start_replaced,
    CASE
      WHEN run.final_from IS NULL THEN NULL
      WHEN
        change_row.source_finished_at IS NULL
        OR COALESCE(change_row.source_finished_at < run.unfinal_seen_at, FALSE)
        OR change_row.source_finished_at > run.final_seen_at
        THEN run.final_from
      ELSE change_row.source_finished_at
    END AS believed_finish
  FROM change_realisation AS change_row
  INNER JOIN run_realisation AS run
    ON run.domain = change_row.domain
    AND run.ref_id = change_row.ref_id
    AND run.learner_id = change_row.learner_id
),

believed AS (
  SELECT
    judged.*,
    CASE
      WHEN started_from IS NULL THEN NULL
      WHEN start_replaced THEN LEAST(started_from, COALESCE(believed_finish, started_from))
      ELSE source_started_at
    END AS believed_start
  FROM judged
)

SELECT
  '9999-12-31',
  domain,
  ref_id,
  learner_id,
  valid_from,
  state_code,
  state_order,
  is_final,
  progress_pct,
  score,
  score_max,
  source_started_at,
  source_finished_at,
  last_activity_at,
  created_at,
  believed_start,
  IF(believed_finish < believed_start, NULL, believed_finish),
  started_from,
  started_seen_at,
  unstarted_seen_at,
  final_from,
  final_seen_at,
  unfinal_seen_at,
  'CAPTURED'
FROM believed;

-- step: realisation: reject finish before start | phase=run relation=realisation
INSERT INTO kpi_reject (relation, source_key, field, reason, detail, first_seen_at, last_seen_at)
SELECT
  new.relation,
  new.source_key,
  new.field,
  new.reason,
  new.detail,
  new.seen_at,
  new.seen_at
FROM (
  SELECT
    'realisation' AS relation,
    rejected.source_key,
    rejected.field,
    rejected.reason,
    rejected.detail,
    %(captured_at)s AS seen_at
  FROM (
    SELECT
      CONCAT_WS(':', domain, ref_id, learner_id) AS source_key,
      'finished_at' AS field,
      'finish_before_start' AS reason,
      CONCAT(source_finished_at, ' < ', started_at) AS detail
    FROM kpi_src_realisation
    WHERE
      valid_to = '9999-12-31'
      AND is_final = 1
      AND finished_at IS NULL
      AND learner_id IN (SELECT wanted.learner_id FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS wanted)
  ) AS rejected
) AS new
ON DUPLICATE KEY UPDATE
  detail = new.detail,
  last_seen_at = new.seen_at;

-- step: realisation: count | relation=realisation gives=counts when=later
SELECT
  (SELECT COUNT(*) FROM stage_realisation) AS staged,
  SUM(kind = 'new') AS n_new,
  SUM(kind = 'changed') AS n_changed,
  SUM(kind = 'vanished') AS n_vanished,
  SUM(kind = 'reopened') AS n_reopened
FROM change_realisation;

-- step: feedback: create stage | phase=create relation=feedback
CREATE TEMPORARY TABLE IF NOT EXISTS stage_feedback (
  kind VARCHAR(32) NOT NULL,
  submission_id DECIMAL(20, 0) NOT NULL,
  learner_id DECIMAL(20, 0) NOT NULL,
  target_type ENUM('GLOBAL', 'MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE', 'REFERENTIEL') NOT NULL,
  source_target_ref_id DECIMAL(20, 0) NULL,
  submitted_at DATETIME(6) NULL,
  feedback_at DATETIME(6) NULL,
  trainer_id DECIMAL(20, 0) NULL,
  target_ref_id DECIMAL(20, 0) AS (COALESCE(source_target_ref_id, 0)) STORED NOT NULL,
  PRIMARY KEY (kind, submission_id, learner_id, target_type, target_ref_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: feedback: create changes | phase=create relation=feedback
CREATE TEMPORARY TABLE IF NOT EXISTS change_feedback (
  kind VARCHAR(32) NOT NULL,
  submission_id BIGINT NOT NULL,
  learner_id BIGINT NOT NULL,
  PRIMARY KEY (kind, submission_id, learner_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: feedback: read | phase=find relation=feedback gives=relation
SELECT
  adapter_row.kind,
  adapter_row.submission_id,
  adapter_row.learner_id,
  adapter_row.target_type,
  adapter_row.target_ref_id,
  adapter_row.submitted_at,
  adapter_row.feedback_at,
  adapter_row.trainer_id
FROM (
/*
relation: feedback
counts: >
  One row per answered submission and UA that its task hangs on. A learner submits when he hands a task in: his own row
  of its history names a state whose workflow is TO_APPROVE or READY_FOR_LIVE_CODING. The answer is the next that a
  trainer does on it: his row with remarks (isFeedback = 1) or one that names a state of APPROVED, NOT_VALIDATED,
  REVISION_NECESSAIRE or IN_LIVE_CODING, or his comment. What is handed in again before counts from the last time.
  Nothing is said of submissions that wait for an answer.
reads:
  apprenants: [id, user_id]
  formateurs: [id, user_id]
  projets: [id, formateur_id]
  taches: [id, projet_id]
  workflow_taches: [id, code]
  etat_realisation_taches: [nom, formateur_id, workflow_tache_id]
  realisation_projets: [id, apprenant_id]
  realisation_taches: [id, tache_id, realisation_projet_id]
  historique_realisation_taches: [id, realisation_tache_id, dateModification, changement, isFeedback, user_id]
  commentaire_realisation_taches: [id, realisation_tache_id, dateCommentaire, formateur_id]
  realisation_chapitres: [realisation_ua_id, realisation_tache_id]
  realisation_ua_prototypes: [realisation_ua_id, realisation_tache_id]
  realisation_ua_projets: [realisation_ua_id, realisation_tache_id]
  realisation_uas: [id, unite_apprentissage_id]
types: {dateModification: datetime, dateCommentaire: datetime}
notes: >
  kind is TACHE: the work on a task. submission_id is the id of the history row. changement is pieces like
  "Label : value" with " </br> " between them; a piece names a state when it ends with " : " and the state's nom in the
  words of the project's trainer, byte for byte. A state that he renamed since is no longer recognised in old rows. A row
  that names no state is activity, no submission. At the same instant answers come before submissions, so that one never
  answers what was handed in in the same second; then the history comes before comments, then the smaller id. A task
  that hangs on no UA gives one row on GLOBAL. Several trainers with one user: the smallest id. Things happen in the
  order of the wall clock; in the hour that a clock change repeats that order can be wrong.
example: >
  On a task of UA 31 learner 12 writes "État : À valider" at 09:00 (history 70) and again at 10:00 (history 72), and
  "Lien : dépôt Git" at 11:00 (history 73); trainer 3 comments at 14:30 and at 15:00: one row, TACHE, 72, 12, UA, 31, submitted
  at 10:00, feedback at 14:30, trainer 3.
*/
WITH trainer_users AS (
  SELECT
    user_id,
    MIN(id) AS trainer_id
  FROM `lms`.formateurs
  WHERE user_id IS NOT NULL
  GROUP BY user_id
),

events AS (
  SELECT
    history.realisation_tache_id AS task_id,
    history.`dateModification` AS happened_at,
    1 AS is_submission,
    0 AS is_comment,
    history.id AS event_id,
    apprenants.id AS learner_id,
    NULL AS trainer_id
  FROM `lms`.historique_realisation_taches AS history
  INNER JOIN `lms`.realisation_taches AS tasks
    ON tasks.id = history.realisation_tache_id
  INNER JOIN `lms`.realisation_projets AS projects
    ON projects.id = tasks.realisation_projet_id
  INNER JOIN `lms`.apprenants
    ON apprenants.id = projects.apprenant_id
    AND apprenants.user_id = history.user_id
  WHERE
    projects.apprenant_id IN (SELECT listed.id FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed)
    AND (
      SELECT COUNT(*)
      FROM `lms`.realisation_taches AS saved
      INNER JOIN `lms`.taches
        ON taches.id = saved.tache_id
      INNER JOIN `lms`.projets
        ON projets.id = taches.projet_id
      INNER JOIN `lms`.etat_realisation_taches AS states
        ON states.formateur_id = projets.formateur_id
      INNER JOIN `lms`.workflow_taches AS workflow
        ON workflow.id = states.workflow_tache_id
      WHERE
        saved.id = history.realisation_tache_id
        AND workflow.code IN ('TO_APPROVE', 'READY_FOR_LIVE_CODING')
        AND LOCATE(
          CONVERT(CONCAT(' : ', states.nom, ' </br> ') USING utf8mb4) COLLATE utf8mb4_bin,
          CONVERT(CONCAT(history.changement, ' </br> ') USING utf8mb4) COLLATE utf8mb4_bin
        ) > 0
    ) > 0
  UNION ALL
  SELECT
    history.realisation_tache_id AS task_id,
    history.`dateModification` AS happened_at,
    0 AS is_submission,
    0 AS is_comment,
    history.id AS event_id,
    NULL AS learner_id,
    trainer_users.trainer_id
  FROM `lms`.historique_realisation_taches AS history
  INNER JOIN trainer_users
    ON trainer_users.user_id = history.user_id
  WHERE
    history.realisation_tache_id IN (
      SELECT their_tasks.id
      FROM `lms`.realisation_taches AS their_tasks
      INNER JOIN `lms`.realisation_projets AS their_projects
        ON their_projects.id = their_tasks.realisation_projet_id
      WHERE their_projects.apprenant_id IN (SELECT listed.id FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed)
    )
    AND (
      history.`isFeedback` = 1
      OR (
        SELECT COUNT(*)
        FROM `lms`.realisation_taches AS saved
        INNER JOIN `lms`.taches
          ON taches.id = saved.tache_id
        INNER JOIN `lms`.projets
          ON projets.id = taches.projet_id
        INNER JOIN `lms`.etat_realisation_taches AS states
          ON states.formateur_id = projets.formateur_id
        INNER JOIN `lms`.workflow_taches AS workflow
          ON workflow.id = states.workflow_tache_id
        WHERE
          saved.id = history.realisation_tache_id
          AND workflow.code IN ('APPROVED', 'NOT_VALIDATED', 'REVISION_NECESSAIRE', 'IN_LIVE_CODING')
          AND LOCATE(
            CONVERT(CONCAT(' : ', states.nom, ' </br> ') USING utf8mb4) COLLATE utf8mb4_bin,
            CONVERT(CONCAT(history.changement, ' </br> ') USING utf8mb4) COLLATE utf8mb4_bin
          ) > 0
      ) > 0
    )
  UNION ALL
  SELECT
    realisation_tache_id AS task_id,
    `dateCommentaire` AS happened_at,
    0 AS is_submission,
    1 AS is_comment,
    id AS event_id,
    NULL AS learner_id,
    formateur_id AS trainer_id
  FROM `lms`.commentaire_realisation_taches
  WHERE
    formateur_id IS NOT NULL
    AND realisation_tache_id IN (
      SELECT their_tasks.id
      FROM `lms`.realisation_taches AS their_tasks
      INNER JOIN `lms`.realisation_projets AS their_projects
        ON their_projects.id = their_tasks.realisation_projet_id
      WHERE their_projects.apprenant_id IN (SELECT listed.id FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed)
    )
),

followed_events AS (
  SELECT
    task_id,
    is_submission,
    event_id,
    learner_id,
    happened_at,
    LEAD(happened_at) OVER on_task AS next_at,
    LEAD(trainer_id) OVER on_task AS next_trainer_id
  FROM events
  WINDOW on_task AS (PARTITION BY task_id ORDER BY happened_at, is_submission, is_comment, event_id)
),

answered_submissions AS (
  SELECT
    task_id,
    event_id AS submission_id,
    learner_id,
    CAST(happened_at AS DATETIME(6)) AS submitted_at,
    CAST(next_at AS DATETIME(6)) AS feedback_at,
    next_trainer_id AS trainer_id
  FROM followed_events
  WHERE
    is_submission = 1
    AND next_trainer_id IS NOT NULL
),

task_links AS (
  SELECT
    realisation_tache_id AS task_id,
    realisation_ua_id
  FROM `lms`.realisation_chapitres
  WHERE
    realisation_tache_id IS NOT NULL
    AND realisation_tache_id IN (
      SELECT their_tasks.id
      FROM `lms`.realisation_taches AS their_tasks
      INNER JOIN `lms`.realisation_projets AS their_projects
        ON their_projects.id = their_tasks.realisation_projet_id
      WHERE their_projects.apprenant_id IN (SELECT listed.id FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed)
    )
  UNION ALL
  SELECT
    realisation_tache_id AS task_id,
    realisation_ua_id
  FROM `lms`.realisation_ua_prototypes
  WHERE realisation_tache_id IN (
      SELECT their_tasks.id
      FROM `lms`.realisation_taches AS their_tasks
      INNER JOIN `lms`.realisation_projets AS their_projects
        ON their_projects.id = their_tasks.realisation_projet_id
      WHERE their_projects.apprenant_id IN (SELECT listed.id FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed)
    )
  UNION ALL
  SELECT
    realisation_tache_id AS task_id,
    realisation_ua_id
  FROM `lms`.realisation_ua_projets
  WHERE realisation_tache_id IN (
      SELECT their_tasks.id
      FROM `lms`.realisation_taches AS their_tasks
      INNER JOIN `lms`.realisation_projets AS their_projects
        ON their_projects.id = their_tasks.realisation_projet_id
      WHERE their_projects.apprenant_id IN (SELECT listed.id FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed)
    )
),

task_uas AS (
  SELECT DISTINCT
    task_links.task_id,
    realisation_uas.unite_apprentissage_id AS ua_id
  FROM task_links
  INNER JOIN `lms`.realisation_uas
    ON realisation_uas.id = task_links.realisation_ua_id
)

SELECT
  'TACHE' AS kind,
  answered_submissions.submission_id,
  answered_submissions.learner_id,
  IF(task_uas.ua_id IS NULL, 'GLOBAL', 'UA') AS target_type,
  task_uas.ua_id AS target_ref_id,
  answered_submissions.submitted_at,
  answered_submissions.feedback_at,
  answered_submissions.trainer_id
FROM answered_submissions
LEFT JOIN task_uas
  ON task_uas.task_id = answered_submissions.task_id
) AS adapter_row
WHERE
  adapter_row.learner_id IN (SELECT wanted.learner_id FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS wanted);

-- step: feedback: reject unknown learners and targets | phase=find relation=feedback
INSERT INTO kpi_reject (relation, source_key, field, reason, detail, first_seen_at, last_seen_at)
SELECT
  new.relation,
  new.source_key,
  new.field,
  new.reason,
  new.detail,
  new.seen_at,
  new.seen_at
FROM (
  SELECT
    'feedback' AS relation,
    rejected.source_key,
    rejected.field,
    rejected.reason,
    rejected.detail,
    %(captured_at)s AS seen_at
  FROM (
    SELECT
      CONCAT_WS(':', stage.kind, stage.submission_id, stage.learner_id, stage.target_type, stage.target_ref_id) AS source_key,
      '' AS field,
      CASE
        WHEN
          stage.submission_id NOT BETWEEN 1 AND 9223372036854775807
          OR stage.learner_id NOT BETWEEN 1 AND 9223372036854775807
          OR stage.source_target_ref_id NOT BETWEEN 1 AND 9223372036854775807
          THEN 'id_out_of_range'
        WHEN stage_target.ref_key IS NULL THEN 'unknown_target'
        ELSE 'unknown_learner'
      END AS reason,
      NULL AS detail
    FROM stage_feedback AS stage
    LEFT JOIN known_learner
      ON known_learner.learner_id = stage.learner_id
    LEFT JOIN (SELECT target_type, ref_id AS ref_key FROM kpi_src_target) AS stage_target
      ON stage_target.target_type = stage.target_type
      AND stage_target.ref_key = stage.target_ref_id
    WHERE
      known_learner.learner_id IS NULL
      OR stage_target.ref_key IS NULL
      OR stage.submission_id NOT BETWEEN 1 AND 9223372036854775807
  ) AS rejected
) AS new
ON DUPLICATE KEY UPDATE
  detail = new.detail,
  last_seen_at = new.seen_at;

-- step: feedback: leave out unknown | phase=find relation=feedback
DELETE stage
FROM stage_feedback AS stage
LEFT JOIN known_learner
  ON known_learner.learner_id = stage.learner_id
LEFT JOIN (SELECT target_type, ref_id AS ref_key FROM kpi_src_target) AS stage_target
  ON stage_target.target_type = stage.target_type
  AND stage_target.ref_key = stage.target_ref_id
WHERE
  known_learner.learner_id IS NULL
  OR stage_target.ref_key IS NULL
  OR stage.submission_id NOT BETWEEN 1 AND 9223372036854775807;

-- step: feedback: reject unusable dates | phase=find relation=feedback
INSERT /*+ SET_VAR(sql_mode = 'ALLOW_INVALID_DATES') */ INTO kpi_reject (relation, source_key, field, reason, detail, first_seen_at, last_seen_at)
SELECT
  new.relation,
  new.source_key,
  new.field,
  new.reason,
  new.detail,
  new.seen_at,
  new.seen_at
FROM (
  SELECT
    'feedback' AS relation,
    rejected.source_key,
    rejected.field,
    rejected.reason,
    rejected.detail,
    %(captured_at)s AS seen_at
  FROM (
    SELECT
      dated.source_key,
      dated.field,
      IF(MONTH(dated.given) = 0 OR DAY(dated.given) = 0, 'zero_date', 'date_out_of_range') AS reason,
      CAST(dated.given AS CHAR) AS detail
    FROM (
      SELECT
        CONCAT_WS(':', stage.kind, stage.submission_id, stage.learner_id, stage.target_type, stage.target_ref_id) AS source_key,
        listed.field,
        CASE listed.field
          WHEN 'submitted_at' THEN stage.submitted_at
          WHEN 'feedback_at' THEN stage.feedback_at
        END AS given
      FROM stage_feedback AS stage
      CROSS JOIN (
        SELECT 'submitted_at' AS field
        UNION ALL SELECT 'feedback_at'
      ) AS listed
      WHERE
        COALESCE(stage.submitted_at NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(stage.submitted_at) > DAY(LAST_DAY(stage.submitted_at)), stage.submitted_at IS NOT NULL)
        OR COALESCE(stage.feedback_at NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(stage.feedback_at) > DAY(LAST_DAY(stage.feedback_at)), stage.feedback_at IS NOT NULL)
    ) AS dated
    WHERE COALESCE(dated.given NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(dated.given) > DAY(LAST_DAY(dated.given)), dated.given IS NOT NULL)
  ) AS rejected
) AS new
ON DUPLICATE KEY UPDATE
  detail = new.detail,
  last_seen_at = new.seen_at;

-- step: feedback: leave out unusable dates | phase=find relation=feedback
UPDATE /*+ SET_VAR(sql_mode = 'ALLOW_INVALID_DATES') */ stage_feedback
SET
  submitted_at = IF(COALESCE(submitted_at NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(submitted_at) > DAY(LAST_DAY(submitted_at)), submitted_at IS NOT NULL), NULL, submitted_at),
  feedback_at = IF(COALESCE(feedback_at NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(feedback_at) > DAY(LAST_DAY(feedback_at)), feedback_at IS NOT NULL), NULL, feedback_at)
WHERE
  COALESCE(submitted_at NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(submitted_at) > DAY(LAST_DAY(submitted_at)), submitted_at IS NOT NULL)
  OR COALESCE(feedback_at NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY(feedback_at) > DAY(LAST_DAY(feedback_at)), feedback_at IS NOT NULL);

-- step: feedback: reject unusable trainers | phase=find relation=feedback
INSERT INTO kpi_reject (relation, source_key, field, reason, detail, first_seen_at, last_seen_at)
SELECT
  new.relation,
  new.source_key,
  new.field,
  new.reason,
  new.detail,
  new.seen_at,
  new.seen_at
FROM (
  SELECT
    'feedback' AS relation,
    rejected.source_key,
    rejected.field,
    rejected.reason,
    rejected.detail,
    %(captured_at)s AS seen_at
  FROM (
    SELECT
      CONCAT_WS(':', kind, submission_id, learner_id, target_type, target_ref_id) AS source_key,
      'trainer_id' AS field,
      'id_out_of_range' AS reason,
      trainer_id AS detail
    FROM stage_feedback
    WHERE trainer_id NOT BETWEEN 1 AND 9223372036854775807
  ) AS rejected
) AS new
ON DUPLICATE KEY UPDATE
  detail = new.detail,
  last_seen_at = new.seen_at;

-- step: feedback: leave out unusable trainers | phase=find relation=feedback
UPDATE stage_feedback
SET trainer_id = NULL
WHERE trainer_id NOT BETWEEN 1 AND 9223372036854775807;

-- step: feedback: reject feedback not after its submission | phase=run relation=feedback
INSERT INTO kpi_reject (relation, source_key, field, reason, detail, first_seen_at, last_seen_at)
SELECT
  new.relation,
  new.source_key,
  new.field,
  new.reason,
  new.detail,
  new.seen_at,
  new.seen_at
FROM (
  SELECT
    'feedback' AS relation,
    rejected.source_key,
    rejected.field,
    rejected.reason,
    rejected.detail,
    %(captured_at)s AS seen_at
  FROM (
    SELECT
      CONCAT_WS(':', kind, submission_id, learner_id, target_type, target_ref_id) AS source_key,
      'feedback_at' AS field,
      'feedback_not_after_submission' AS reason,
      CONCAT(feedback_at, ' <= ', submitted_at) AS detail
    FROM stage_feedback
    WHERE feedback_at <= submitted_at
  ) AS rejected
) AS new
ON DUPLICATE KEY UPDATE
  detail = new.detail,
  last_seen_at = new.seen_at;

-- step: feedback: find new | phase=find relation=feedback
-- An event of which no capture took the same submission; the same id with another instant is another submission.
INSERT INTO change_feedback (kind, submission_id, learner_id)
SELECT DISTINCT
  stage.kind,
  stage.submission_id,
  stage.learner_id
FROM stage_feedback AS stage
LEFT JOIN kpi_src_feedback AS existing
  ON existing.kind = stage.kind
  AND existing.submission_id = stage.submission_id
  AND existing.learner_id = stage.learner_id
  AND COALESCE(existing.submitted_at = stage.submitted_at, TRUE)
WHERE existing.submission_id IS NULL;

-- step: feedback: reject ids used for another submission | phase=run relation=feedback
INSERT INTO kpi_reject (relation, source_key, field, reason, detail, first_seen_at, last_seen_at)
SELECT
  new.relation,
  new.source_key,
  new.field,
  new.reason,
  new.detail,
  new.seen_at,
  new.seen_at
FROM (
  SELECT
    'feedback' AS relation,
    rejected.source_key,
    rejected.field,
    rejected.reason,
    rejected.detail,
    %(captured_at)s AS seen_at
  FROM (
    SELECT
      CONCAT_WS(':', new_event.kind, new_event.submission_id, new_event.learner_id) AS source_key,
      'submitted_at' AS field,
      'reused_id' AS reason,
      CONCAT('captured before as submitted at ', MAX(existing.submitted_at)) AS detail
    FROM change_feedback AS new_event
    INNER JOIN kpi_src_feedback AS existing
      ON existing.kind = new_event.kind
      AND existing.submission_id = new_event.submission_id
      AND existing.learner_id = new_event.learner_id
    GROUP BY new_event.kind, new_event.submission_id, new_event.learner_id
  ) AS rejected
) AS new
ON DUPLICATE KEY UPDATE
  detail = new.detail,
  last_seen_at = new.seen_at;

-- step: feedback: append | relation=feedback
INSERT INTO kpi_src_feedback (
  kind, submission_id, learner_id, target_type, target_ref_id, submitted_at, feedback_at, trainer_id, captured_at
)
SELECT
  stage.kind,
  stage.submission_id,
  stage.learner_id,
  stage.target_type,
  stage.target_ref_id,
  stage.submitted_at,
  IF(stage.feedback_at <= stage.submitted_at, NULL, stage.feedback_at),
  stage.trainer_id,
  %(captured_at)s
FROM change_feedback AS new_event
INNER JOIN stage_feedback AS stage
  ON stage.kind = new_event.kind
  AND stage.submission_id = new_event.submission_id
  AND stage.learner_id = new_event.learner_id;

-- step: feedback: count | relation=feedback gives=counts
SELECT
  COUNT(*) AS staged,
  COUNT(new_event.submission_id) AS n_new,
  0 AS n_changed,
  0 AS n_vanished,
  0 AS n_reopened
FROM stage_feedback AS stage
LEFT JOIN change_feedback AS new_event
  ON new_event.kind = stage.kind
  AND new_event.submission_id = stage.submission_id
  AND new_event.learner_id = stage.learner_id;

-- step: touched: rows that changed | phase=look gives=changed_rows
SELECT
  learner_id,
  domain,
  ref_id
FROM change_realisation;

-- step: touched: learners who moved | phase=look gives=moved
SELECT DISTINCT learner_id
FROM change_membership;

-- step: touched: all that is theirs | phase=look gives=all_rows
SELECT
  wanted.learner_id,
  stage.domain,
  CAST(stage.ref_id AS SIGNED) AS ref_id
FROM JSON_TABLE(%(moved)s, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS wanted
INNER JOIN stage_realisation AS stage
  ON stage.learner_id = wanted.learner_id
UNION DISTINCT
SELECT
  wanted.learner_id,
  'UA' AS domain,
  plan.ua_ref_id
FROM JSON_TABLE(%(moved)s, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS wanted
INNER JOIN kpi_src_plan AS plan
  ON plan.valid_to = '9999-12-31';

-- step: touched: new feedback | phase=look gives=new_feedback
SELECT COUNT(*)
FROM change_feedback;

-- step: reject: count | gives=rejected
SELECT
  relation,
  COUNT(*) AS n
FROM kpi_reject
WHERE last_seen_at = %(captured_at)s
GROUP BY relation;

-- step: note who was seen
INSERT INTO kpi_src_learner (learner_id, captured_at)
SELECT
  new.learner_id,
  new.captured_at
FROM (
  SELECT DISTINCT
    wanted.learner_id,
    CAST(%(captured_at)s AS DATETIME(6)) AS captured_at
  FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS wanted
) AS new
ON DUPLICATE KEY UPDATE
  captured_at = new.captured_at;

-- step: kpi_scope
INSERT INTO kpi_scope (scope_type, ref_id, label)
SELECT
  new.scope_type,
  new.ref_id,
  new.label
FROM (
  SELECT
    stage.scope_type,
    stage.ref_id,
    LEFT(stage.label, 191) AS label
  FROM stage_scope AS stage
  LEFT JOIN kpi_scope AS existing
    ON existing.scope_type = stage.scope_type
    AND existing.ref_key = stage.ref_key
  WHERE
    existing.id IS NULL
    OR NOT (existing.label <=> LEFT(stage.label, 191) COLLATE utf8mb4_0900_bin)
) AS new
ON DUPLICATE KEY UPDATE
  label = new.label;
