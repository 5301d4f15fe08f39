{% import 'macros/history.sql' as history with context -%}
{% import 'macros/before.sql' as before -%}
{% import 'macros/usable.sql' as usable -%}
{% set key = ['scope_type', 'scope_ref_id', 'learner_id'] -%}
{% set dates = ['active_from', 'active_to'] -%}
-- step: membership: create stage | phase=create relation=membership
CREATE TEMPORARY TABLE IF NOT EXISTS stage_membership (
  scope_type {{ enum(scope_types) }} NOT NULL,
  source_scope_ref_id DECIMAL(20, 0) NULL,
  learner_id DECIMAL(20, 0) NOT NULL,
  active_from DATETIME(6) NULL,
  active_to DATETIME(6) NULL,
  scope_ref_id DECIMAL(20, 0) AS (COALESCE(source_scope_ref_id, 0)) STORED NOT NULL,
  PRIMARY KEY (scope_type, scope_ref_id, learner_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: membership: create changes | phase=create relation=membership
CREATE TEMPORARY TABLE IF NOT EXISTS change_membership (
  scope_type {{ enum(scope_types) }} NOT NULL,
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
{{ history.read('membership') }};

{% call history.reject('membership', 'unknown scopes and learners', phase='find') %}
SELECT
  CONCAT_WS(':', stage.scope_type, stage.scope_ref_id, stage.learner_id) AS source_key,
  '' AS field,
  CASE
    WHEN
      {{ usable.odd_id('stage.source_scope_ref_id') }}
      OR {{ usable.odd_id('stage.learner_id') }}
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
{% endcall %}

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

{% call history.reject('membership', 'unusable dates', phase='find', hint=usable.as_they_are()) %}
{{ usable.odd_dates('membership', "CONCAT_WS(':', stage.scope_type, stage.scope_ref_id, stage.learner_id)", dates) }}
{% endcall %}

{{ usable.leave_out_odd_dates('membership', dates) }}

{% include folder ~ 'first_memberships.sql' ignore missing %}

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

{% call history.reject('membership', 'ids used for another learner') %}
SELECT
  CONCAT_WS(':', 'APPRENANT', learner_id, learner_id) AS source_key,
  'active_from' AS field,
  'reused_id' AS reason,
  CONCAT(active_from, ', captured before as ', captured_from) AS detail
FROM reused_learner
{% endcall %}

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
    {{ history.believed_from('stage.active_from', 'seen') }},
    {{ history.stamp('seen') }}
  ),
  open_version.valid_from,
  stage.active_from,
  stage.active_to
FROM kpi_time AS day
INNER JOIN stage_membership AS stage
{{ history.open_version('kpi_src_membership', key) }}
{{ history.last_seen('stage.learner_id') }}
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

{{ history.find_vanished('membership', key) }}

{{ history.find_reopened('membership', key) }}

{% set relation = 'membership' -%}
{% include folder ~ 'plausible.sql' %}

{{ before.keep('membership') }}

{{ history.end_versions('membership', key) }}

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

{{ history.count_changes('membership') }}
