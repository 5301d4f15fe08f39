{% import 'macros/history.sql' as history with context -%}
{% import 'macros/usable.sql' as usable -%}
{% set LEVELS = "'" ~ finest_first | join("', '") ~ "'" -%}
{# The staged targets whose parent is not there, or of no higher level, as in every circle. A type without an id is no parent. #}
{% macro with_unusable_parents() -%}
stage_target AS stage
LEFT JOIN known_target
  ON known_target.target_type = stage.parent_type
  AND known_target.ref_key = COALESCE(stage.parent_ref_id, 0)
{%- endmacro %}
{% macro unusable() -%}
(stage.parent_ref_id IS NOT NULL AND known_target.ref_key IS NULL)
  OR (
    (stage.parent_ref_id IS NOT NULL OR stage.parent_type = 'GLOBAL')
    AND FIELD(stage.parent_type, {{ LEVELS }}) <= FIELD(stage.target_type, {{ LEVELS }})
  )
{%- endmacro %}
-- step: target: create stage | phase=create relation=target
CREATE TEMPORARY TABLE IF NOT EXISTS stage_target (
  target_type {{ enum(target_types) }} NOT NULL,
  ref_id DECIMAL(20, 0) NULL,
  label LONGTEXT NULL,
  parent_type {{ enum(target_types) }} NULL,
  parent_ref_id DECIMAL(20, 0) NULL,
  ref_key DECIMAL(20, 0) AS (COALESCE(ref_id, 0)) STORED NOT NULL,
  PRIMARY KEY (target_type, ref_key)
) COLLATE utf8mb4_0900_ai_ci;

-- step: target: read | phase=find relation=target gives=relation
{{ history.read('target') }};

{% call history.reject('target', 'unusable ids', phase='find') %}
SELECT
  CONCAT_WS(':', target_type, ref_key) AS source_key,
  IF({{ usable.odd_id('ref_key') }}, '', 'parent_ref_id') AS field,
  'id_out_of_range' AS reason,
  IF({{ usable.odd_id('ref_key') }}, NULL, parent_ref_id) AS detail
FROM stage_target
WHERE
  target_type <> 'GLOBAL'
  AND ({{ usable.odd_id('ref_key') }} OR {{ usable.odd_id('parent_ref_id') }})
{% endcall %}

-- step: target: leave out unusable ids | phase=find relation=target
DELETE FROM stage_target
WHERE
  target_type <> 'GLOBAL'
  AND {{ usable.odd_id('ref_key') }};

-- step: target: leave out unusable parents | phase=find relation=target
UPDATE stage_target
SET
  parent_type = NULL,
  parent_ref_id = NULL
WHERE {{ usable.odd_id('parent_ref_id') }};

-- step: target: create known targets | phase=create relation=target
CREATE TEMPORARY TABLE IF NOT EXISTS known_target (
  target_type {{ enum(target_types) }} NOT NULL,
  ref_key BIGINT NOT NULL,
  PRIMARY KEY (target_type, ref_key)
) COLLATE utf8mb4_0900_ai_ci;

-- step: target: list known targets | phase=find relation=target
-- What the source deleted stays where it last was, and so does what hangs under it.
INSERT INTO known_target (target_type, ref_key)
SELECT
  target_type,
  ref_key
FROM stage_target
UNION DISTINCT
SELECT
  target_type,
  ref_id
FROM kpi_src_target;

{% call history.reject('target', 'unusable parents', phase='find') %}
SELECT
  CONCAT_WS(':', stage.target_type, stage.ref_key) AS source_key,
  'parent_ref_id' AS field,
  IF(known_target.ref_key IS NULL, 'unknown_parent', 'parent_not_above') AS reason,
  CONCAT_WS(' ', stage.parent_type, stage.parent_ref_id) AS detail
FROM {{ with_unusable_parents() }}
WHERE
  {{ unusable() }}
{% endcall %}

-- step: target: hang under GLOBAL | relation=target
UPDATE {{ with_unusable_parents() }}
SET
  stage.parent_type = NULL,
  stage.parent_ref_id = NULL
WHERE
  {{ unusable() }};

{% set relation = 'target' -%}
{% include folder ~ 'plausible.sql' %}

-- step: target: count | relation=target gives=counts
SELECT
  COUNT(*) AS staged,
  SUM(existing.ref_id IS NULL) AS n_new,
  SUM(
    existing.ref_id IS NOT NULL
    AND NOT (existing.label <=> LEFT(stage.label, 191) COLLATE utf8mb4_0900_bin
    AND existing.parent_type <=> stage.parent_type
    AND existing.parent_ref_id <=> stage.parent_ref_id)
  ) AS n_changed,
  0 AS n_vanished,
  0 AS n_reopened
FROM stage_target AS stage
LEFT JOIN kpi_src_target AS existing
  ON existing.target_type = stage.target_type
  AND existing.ref_id = stage.ref_key;

-- step: target: keep current | relation=target
-- Labels are compared byte by byte: a corrected accent or capital is a change.
INSERT INTO kpi_src_target (target_type, ref_id, label, parent_type, parent_ref_id)
SELECT
  new.target_type,
  new.ref_id,
  new.label,
  new.parent_type,
  new.parent_ref_id
FROM (
  SELECT
    stage.target_type,
    stage.ref_key AS ref_id,
    LEFT(stage.label, 191) AS label,
    stage.parent_type,
    stage.parent_ref_id
  FROM stage_target AS stage
  LEFT JOIN kpi_src_target AS existing
    ON existing.target_type = stage.target_type
    AND existing.ref_id = stage.ref_key
  WHERE
    existing.ref_id IS NULL
    OR NOT (
      existing.label <=> LEFT(stage.label, 191) COLLATE utf8mb4_0900_bin
      AND existing.parent_type <=> stage.parent_type
      AND existing.parent_ref_id <=> stage.parent_ref_id
    )
) AS new
ON DUPLICATE KEY UPDATE
  label = new.label,
  parent_type = new.parent_type,
  parent_ref_id = new.parent_ref_id;
