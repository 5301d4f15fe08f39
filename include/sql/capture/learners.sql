/*
One capture of some learners alone, those of %(learners)s, during the day: what kpi_incremental begins with. Their realisations, memberships
and feedback are compared with the history as in a whole capture (capture.sql); the plan, the tree of targets and what an adapter
rejects by itself wait for the night.
*/
{% set only_learners = true %}
{% set source = source_schema() %}
{% import 'macros/history.sql' as history with context -%}
{% include 'capture/scope.sql' %}

-- step: target: create stage
CREATE TEMPORARY TABLE IF NOT EXISTS stage_target (
  target_type ENUM('GLOBAL', 'MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE', 'REFERENTIEL') NOT NULL,
  ref_key BIGINT NOT NULL,
  PRIMARY KEY (target_type, ref_key)
);

-- step: target: list known targets
INSERT INTO stage_target (target_type, ref_key)
SELECT
  target_type,
  ref_id
FROM kpi_src_target;

-- step: scope: create known learners
CREATE TEMPORARY TABLE IF NOT EXISTS known_learner (
  learner_id BIGINT NOT NULL PRIMARY KEY
);

-- step: scope: list known learners
INSERT INTO known_learner (learner_id)
SELECT ref_id
FROM stage_scope
WHERE
  scope_type = 'APPRENANT'
  AND ref_id IS NOT NULL;

{% include 'capture/realisation.sql' %}

{% include 'capture/membership.sql' %}

{% include 'capture/feedback.sql' %}

-- step: reject: count
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
  FROM {{ history.wanted() }}
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
