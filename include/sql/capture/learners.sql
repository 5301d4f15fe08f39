/*
One capture of some learners alone, those of %(learners)s, during the day: what kpi_incremental begins with. Their realisations, memberships
and feedback are compared with the history as in a whole capture (capture.sql); the plan, the tree of targets and what an adapter
rejects by itself wait for the night. What differs is found first, told by the steps `touched: …`, and written afterwards, so that what
was in force before can be looked at in between.
*/
{% set only_learners = true %}
{% set folder = 'capture/alone/' %}
{% set source = source_schema() %}
{% set soft_deleted = soft_deleted_tables() %}
{% import 'macros/history.sql' as history with context -%}
{% import 'sets/in_force.sql' as in_force -%}
{% include 'capture/scope.sql' %}

{% include 'capture/known_learner.sql' %}

{% include 'capture/membership.sql' %}

{% include 'capture/realisation.sql' %}

{% include 'capture/feedback.sql' %}

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
FROM {{ in_force.wanted('%(moved)s') }}
INNER JOIN stage_realisation AS stage
  ON stage.learner_id = wanted.learner_id
UNION DISTINCT
SELECT
  wanted.learner_id,
  'UA' AS domain,
  plan.ua_ref_id
FROM {{ in_force.wanted('%(moved)s') }}
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
  FROM {{ in_force.wanted() }}
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
