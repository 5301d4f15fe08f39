{% import 'macros/history.sql' as history with context -%}
{% import 'macros/before.sql' as before -%}
{% import 'sets/in_force.sql' as in_force -%}
{% import 'macros/usable.sql' as usable -%}
{% set key = ['domain', 'ref_id', 'learner_id'] -%}
{% set dates = ['started_at', 'finished_at', 'last_activity_at', 'created_at', 'changed_at'] -%}
-- step: realisation: create stage | phase=create relation=realisation
CREATE TEMPORARY TABLE IF NOT EXISTS stage_realisation (
  domain {{ enum(domains) }} NOT NULL,
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
  domain {{ enum(domains) }} NOT NULL,
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
  domain {{ enum(domains) }} NOT NULL,
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
{{ history.read('realisation') }};

{% call history.reject('realisation', 'unknown targets and learners', phase='find') %}
SELECT
  CONCAT_WS(':', stage.domain, stage.ref_id, stage.learner_id) AS source_key,
  '' AS field,
  CASE
    WHEN {{ usable.odd_id('stage.ref_id') }} OR {{ usable.odd_id('stage.learner_id') }} THEN 'id_out_of_range'
    WHEN stage_target.ref_key IS NULL THEN 'unknown_target'
    ELSE 'unknown_learner'
  END AS reason,
  NULL AS detail
FROM stage_realisation AS stage
LEFT JOIN {{ history.targets() }}
  ON stage_target.target_type = stage.domain
  AND stage_target.ref_key = stage.ref_id
LEFT JOIN known_learner
  ON known_learner.learner_id = stage.learner_id
WHERE
  stage_target.ref_key IS NULL
  OR known_learner.learner_id IS NULL
{% endcall %}

-- step: realisation: leave out unknown | phase=find relation=realisation
DELETE stage
FROM stage_realisation AS stage
LEFT JOIN {{ history.targets() }}
  ON stage_target.target_type = stage.domain
  AND stage_target.ref_key = stage.ref_id
LEFT JOIN known_learner
  ON known_learner.learner_id = stage.learner_id
WHERE
  stage_target.ref_key IS NULL
  OR known_learner.learner_id IS NULL;

{% call history.reject('realisation', 'unusable fields', phase='find') %}
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
{% endcall %}

{% call history.reject('realisation', 'unusable dates', phase='find', hint=usable.as_they_are()) %}
{{ usable.odd_dates('realisation', "CONCAT_WS(':', stage.domain, stage.ref_id, stage.learner_id)", dates) }}
{% endcall %}

{{ usable.leave_out_odd_dates('realisation', dates) }}

{% include folder ~ 'first_realisations.sql' ignore missing %}

-- step: realisation: find new and changed | phase=find relation=realisation when=later
INSERT INTO change_realisation (
  domain, ref_id, learner_id, kind, new_from, open_from, state_code, state_order, is_final, progress_pct, score, score_max, source_started_at, source_finished_at, last_activity_at, created_at
)
SELECT
  stage.domain,
  stage.ref_id,
  stage.learner_id,
  IF(open_version.learner_id IS NULL, 'new', 'changed'),
  {{ history.believed_from('stage.changed_at', 'seen') }},
  open_version.valid_from,
  stage.usable_state_code,
  stage.usable_state_order,
  stage.usable_is_final,
  stage.usable_progress_pct,
  stage.usable_score,
  stage.usable_score_max,
  stage.started_at,
  stage.finished_at,
  {{ history.last_activity('seen') }},
  stage.created_at
FROM kpi_time AS day
INNER JOIN stage_realisation AS stage
{{ history.open_version('kpi_src_realisation', key) }}
{{ history.last_seen('stage.learner_id') }}
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
{%- if 'last_activity_at' not in hints('realisation') %}
      AND open_version.last_activity_at <=> stage.last_activity_at
{%- endif %}
      AND open_version.created_at <=> stage.created_at
    )
  );

{{ history.find_vanished('realisation', key) }}

{{ history.find_reopened('realisation', key) }}

{% call history.reject('realisation', 'rows made again') %}
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
{% endcall %}

{% include folder ~ 'older_copy.sql' ignore missing %}

{% set relation = 'realisation' -%}
{% include folder ~ 'plausible.sql' %}

-- step: realisation: follow runs | relation=realisation
{% include 'capture/runs.sql' %}

{{ before.keep('realisation') }}

{{ history.end_versions('realisation', key, closing=",\n  ended.last_seen_at = " ~ history.previous('seen'), seen=true) }}

-- step: realisation: open versions | relation=realisation
{% include 'capture/believed_instants.sql' %}

{% call history.reject('realisation', 'finish before start') %}
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
{%- if history.alone %}
  AND learner_id IN (SELECT wanted.learner_id FROM {{ in_force.wanted() }})
{%- endif %}
{% endcall %}

{{ history.count_changes('realisation', when='later') }}
