{% import 'macros/history.sql' as history with context -%}
{% import 'macros/before.sql' as before -%}
{% import 'macros/usable.sql' as usable -%}
{% set key = ['scope_type', 'scope_ref_id', 'ua_ref_id'] -%}
-- step: plan: create stage | phase=create relation=plan
CREATE TEMPORARY TABLE IF NOT EXISTS stage_plan (
  scope_type ENUM('GROUPE') NOT NULL,
  scope_ref_id DECIMAL(20, 0) NOT NULL,
  ua_ref_id DECIMAL(20, 0) NOT NULL,
  due_on DATE NOT NULL,
  created_at DATETIME(6) NULL,
  PRIMARY KEY (scope_type, scope_ref_id, ua_ref_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: plan: create changes | phase=create relation=plan
CREATE TEMPORARY TABLE IF NOT EXISTS change_plan (
  scope_type ENUM('GROUPE') NOT NULL,
  scope_ref_id BIGINT NOT NULL,
  ua_ref_id BIGINT NOT NULL,
  kind ENUM('new', 'changed', 'reopened', 'vanished') NOT NULL,
  new_from DATETIME(6) NOT NULL,
  open_from DATETIME(6) NULL,
  due_on DATE NULL,
  created_at DATETIME(6) NULL,
  PRIMARY KEY (scope_type, scope_ref_id, ua_ref_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: plan: read | phase=find relation=plan gives=relation
{{ history.read('plan') }};

{% call history.reject('plan', 'unknown groups and UAs', phase='find') %}
SELECT
  CONCAT_WS(':', stage.scope_type, stage.scope_ref_id, stage.ua_ref_id) AS source_key,
  '' AS field,
  CASE
    WHEN
      {{ usable.odd_id('stage.scope_ref_id') }}
      OR {{ usable.odd_id('stage.ua_ref_id') }}
      THEN 'id_out_of_range'
    WHEN stage_scope.ref_key IS NULL THEN 'unknown_scope'
    ELSE 'unknown_target'
  END AS reason,
  NULL AS detail
FROM stage_plan AS stage
LEFT JOIN stage_scope
  ON stage_scope.scope_type = stage.scope_type
  AND stage_scope.ref_key = stage.scope_ref_id
LEFT JOIN stage_target
  ON stage_target.target_type = 'UA'
  AND stage_target.ref_key = stage.ua_ref_id
WHERE
  stage_scope.ref_key IS NULL
  OR stage_target.ref_key IS NULL
{% endcall %}

-- step: plan: leave out unknown | phase=find relation=plan
DELETE stage
FROM stage_plan AS stage
LEFT JOIN stage_scope
  ON stage_scope.scope_type = stage.scope_type
  AND stage_scope.ref_key = stage.scope_ref_id
LEFT JOIN stage_target
  ON stage_target.target_type = 'UA'
  AND stage_target.ref_key = stage.ua_ref_id
WHERE
  stage_scope.ref_key IS NULL
  OR stage_target.ref_key IS NULL;

{% call history.reject('plan', 'unusable dates', phase='find', hint=usable.as_they_are()) %}
{{ usable.odd_dates('plan', "CONCAT_WS(':', stage.scope_type, stage.scope_ref_id, stage.ua_ref_id)", ['due_on', 'created_at']) }}
{% endcall %}

-- step: plan: leave out what is due on no day | phase=find relation=plan
DELETE {{ usable.as_they_are() }}
FROM stage_plan
WHERE {{ usable.odd_date('due_on') }};

{{ usable.leave_out_odd_dates('plan', ['created_at']) }}

-- step: plan: find new and changed | phase=find relation=plan when=first
INSERT INTO change_plan (scope_type, scope_ref_id, ua_ref_id, kind, new_from, due_on, created_at)
SELECT
  stage.scope_type,
  stage.scope_ref_id,
  stage.ua_ref_id,
  'new',
  LEAST(COALESCE(stage.created_at, '1970-01-01'), {{ history.stamp() }}),
  stage.due_on,
  stage.created_at
FROM kpi_time AS day
INNER JOIN stage_plan AS stage
WHERE day.date_id = %(day)s;

-- step: plan: find new and changed | phase=find relation=plan when=later
INSERT INTO change_plan (scope_type, scope_ref_id, ua_ref_id, kind, new_from, open_from, due_on, created_at)
SELECT
  stage.scope_type,
  stage.scope_ref_id,
  stage.ua_ref_id,
  IF(open_version.ua_ref_id IS NULL, 'new', 'changed'),
  IF(
    open_version.ua_ref_id IS NULL,
    {{ history.believed_from('stage.created_at') }},
    {{ history.stamp() }}
  ),
  open_version.valid_from,
  stage.due_on,
  stage.created_at
FROM kpi_time AS day
INNER JOIN stage_plan AS stage
{{ history.open_version('kpi_src_plan', key) }}
WHERE
  day.date_id = %(day)s
  AND (
    open_version.ua_ref_id IS NULL
    OR open_version.due_on <> stage.due_on
  );

{{ history.find_vanished('plan', key) }}

{{ history.find_reopened('plan', key) }}

{% set relation = 'plan' -%}
{% include folder ~ 'plausible.sql' %}

{{ before.keep('plan') }}

{{ history.end_versions('plan', key) }}

-- step: plan: open versions | relation=plan
INSERT INTO kpi_src_plan (valid_to, scope_type, scope_ref_id, ua_ref_id, valid_from, due_on, created_at, origin)
SELECT
  '9999-12-31',
  scope_type,
  scope_ref_id,
  ua_ref_id,
  GREATEST(new_from, COALESCE(open_from, new_from)),
  due_on,
  created_at,
  IF(%(previous)s IS NULL, 'RECONSTRUCTED', 'CAPTURED')
FROM change_plan
WHERE kind <> 'vanished';

{{ history.count_changes('plan') }}
