/*
The first day with source data: that of the earliest date on a realisation. Dates before 2000 are slips of the keyboard.
*/

SELECT DATE(MIN(dated.instant))
FROM (
  SELECT
    LEAST(
      COALESCE(IF(created_at < '2000-01-01', NULL, created_at), '9999-12-31'),
      COALESCE(IF(started_at < '2000-01-01', NULL, started_at), '9999-12-31'),
      COALESCE(IF(finished_at < '2000-01-01', NULL, finished_at), '9999-12-31')
    ) AS instant
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
  WHERE TRUE
),

newest_competences AS (
  SELECT
    id,
    apprenant_id AS learner_id,
    ROW_NUMBER() OVER (PARTITION BY apprenant_id, competence_id ORDER BY id DESC) AS nth
  FROM `lms`.realisation_competences
  WHERE TRUE
),

newest_micro_competences AS (
  SELECT
    id,
    apprenant_id AS learner_id,
    ROW_NUMBER() OVER (PARTITION BY apprenant_id, micro_competence_id ORDER BY id DESC) AS nth
  FROM `lms`.realisation_micro_competences
  WHERE TRUE
),

newest_uas AS (
  SELECT
    uas.id,
    parents.apprenant_id AS learner_id,
    ROW_NUMBER() OVER (PARTITION BY parents.apprenant_id, uas.unite_apprentissage_id ORDER BY uas.id DESC) AS nth
  FROM `lms`.realisation_uas AS uas
  INNER JOIN `lms`.realisation_micro_competences AS parents
    ON parents.id = uas.realisation_micro_competence_id
  WHERE TRUE
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
  ) AS realisation
) AS dated
WHERE dated.instant < '9999-12-31'
