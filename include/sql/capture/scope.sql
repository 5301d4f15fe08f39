{% import 'macros/history.sql' as history with context -%}
{% import 'macros/usable.sql' as usable -%}
-- step: scope: create stage | phase=create relation=scope
CREATE TEMPORARY TABLE IF NOT EXISTS stage_scope (
  scope_type {{ enum(scope_types) }} NOT NULL,
  ref_id DECIMAL(20, 0) NULL,
  label LONGTEXT NULL,
  ref_key DECIMAL(20, 0) AS (COALESCE(ref_id, 0)) STORED NOT NULL,
  PRIMARY KEY (scope_type, ref_key)
) COLLATE utf8mb4_0900_ai_ci;

-- step: scope: read | phase=find relation=scope gives=relation
{{ history.read('scope') }};

{% call history.reject('scope', 'unusable ids', phase='find') %}
SELECT
  CONCAT_WS(':', scope_type, ref_key) AS source_key,
  '' AS field,
  'id_out_of_range' AS reason,
  NULL AS detail
FROM stage_scope
WHERE
  scope_type <> 'GLOBAL'
  AND {{ usable.odd_id('ref_key') }}
{% endcall %}

-- step: scope: leave out unusable ids | phase=find relation=scope
DELETE FROM stage_scope
WHERE
  scope_type <> 'GLOBAL'
  AND {{ usable.odd_id('ref_key') }};

{% set relation = 'scope' -%}
{% include folder ~ 'plausible.sql' %}

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
