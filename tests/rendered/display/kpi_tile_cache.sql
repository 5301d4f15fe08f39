/*
kpi_tile_cache: the latest figures of each scope and target in one row, for pages that show tiles: the script of task kpi_tile_cache.
Latest is, for each period, the last date_id that kpi_value has, as in the design's query 5.1.
*/

-- step: create stage
CREATE TEMPORARY TABLE IF NOT EXISTS stage_kpi_tile_cache (
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  day_on DATE,
  day_figures JSON,
  week_on DATE,
  week_figures JSON,
  month_on DATE,
  month_figures JSON,
  rolling_on DATE,
  rolling_figures JSON,
  PRIMARY KEY (scope_id, target_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: tiles
INSERT INTO stage_kpi_tile_cache (scope_id, target_id, day_on, day_figures, week_on, week_figures, month_on, month_figures, rolling_on, rolling_figures)
WITH latest AS (
  SELECT
    'D' AS period,
    MAX(date_id) AS date_id
  FROM kpi_value
  WHERE period = 'D'
  UNION ALL
  SELECT
    'W' AS period,
    MAX(date_id) AS date_id
  FROM kpi_value
  WHERE period = 'W'
  UNION ALL
  SELECT
    'M' AS period,
    MAX(date_id) AS date_id
  FROM kpi_value
  WHERE period = 'M'
  UNION ALL
  SELECT
    'R' AS period,
    MAX(date_id) AS date_id
  FROM kpi_value
  WHERE period = 'R'
),

tile AS (
  SELECT
    fact.scope_id,
    fact.target_id,
    fact.period,
    fact.date_id,
    JSON_OBJECTAGG(
      kpi_metric.code,
      JSON_OBJECT(
        'value', fact.value_num,
        'numerator', fact.numerator,
        'denominator', fact.denominator,
        'sample_size', fact.sample_size,
        'extra', fact.extra_json
      )
    ) AS figures
  FROM latest
  INNER JOIN kpi_value AS fact
    ON fact.date_id = latest.date_id
    AND fact.period = latest.period
  INNER JOIN kpi_scope
    ON kpi_scope.id = fact.scope_id
    AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
      AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
  INNER JOIN kpi_metric
    ON kpi_metric.id = fact.metric_id
  GROUP BY fact.scope_id, fact.target_id, fact.period, fact.date_id
)

SELECT
  scope_id,
  target_id,
  MAX(IF(period = 'D', CAST(date_id AS CHAR), NULL)),
  CAST(MAX(IF(period = 'D', CAST(figures AS CHAR), NULL)) AS JSON),
  MAX(IF(period = 'W', CAST(date_id AS CHAR), NULL)),
  CAST(MAX(IF(period = 'W', CAST(figures AS CHAR), NULL)) AS JSON),
  MAX(IF(period = 'M', CAST(date_id AS CHAR), NULL)),
  CAST(MAX(IF(period = 'M', CAST(figures AS CHAR), NULL)) AS JSON),
  MAX(IF(period = 'R', CAST(date_id AS CHAR), NULL)),
  CAST(MAX(IF(period = 'R', CAST(figures AS CHAR), NULL)) AS JSON)
FROM tile
GROUP BY scope_id, target_id;

-- step: count staged
SELECT COUNT(*)
FROM stage_kpi_tile_cache;

-- step: count stored
SELECT COUNT(*)
FROM kpi_tile_cache AS existing
INNER JOIN kpi_scope
  ON kpi_scope.id = existing.scope_id
  AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
    AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0);

-- step: write differences
INSERT INTO kpi_tile_cache (scope_id, target_id, day_on, day_figures, week_on, week_figures, month_on, month_figures, rolling_on, rolling_figures, computed_at)
SELECT
  new.scope_id,
  new.target_id,
  new.day_on,
  new.day_figures,
  new.week_on,
  new.week_figures,
  new.month_on,
  new.month_figures,
  new.rolling_on,
  new.rolling_figures,
  new.computed_at
FROM (
  SELECT
    stage.scope_id,
    stage.target_id,
    stage.day_on,
    stage.day_figures,
    stage.week_on,
    stage.week_figures,
    stage.month_on,
    stage.month_figures,
    stage.rolling_on,
    stage.rolling_figures,
    UTC_TIMESTAMP() AS computed_at
  FROM stage_kpi_tile_cache AS stage
  LEFT JOIN kpi_tile_cache AS existing
    ON existing.scope_id = stage.scope_id
    AND existing.target_id = stage.target_id
  WHERE
    (
      existing.scope_id IS NULL
      OR NOT (existing.day_on <=> stage.day_on)
      OR NOT (existing.day_figures <=> stage.day_figures)
      OR NOT (existing.week_on <=> stage.week_on)
      OR NOT (existing.week_figures <=> stage.week_figures)
      OR NOT (existing.month_on <=> stage.month_on)
      OR NOT (existing.month_figures <=> stage.month_figures)
      OR NOT (existing.rolling_on <=> stage.rolling_on)
      OR NOT (existing.rolling_figures <=> stage.rolling_figures)
    )
) AS new
ON DUPLICATE KEY UPDATE
  day_on = new.day_on,
  day_figures = new.day_figures,
  week_on = new.week_on,
  week_figures = new.week_figures,
  month_on = new.month_on,
  month_figures = new.month_figures,
  rolling_on = new.rolling_on,
  rolling_figures = new.rolling_figures,
  computed_at = new.computed_at;

-- step: delete vanished
DELETE existing
FROM kpi_tile_cache AS existing
INNER JOIN kpi_scope
  ON kpi_scope.id = existing.scope_id
  AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
    AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
LEFT JOIN stage_kpi_tile_cache AS stage
  ON stage.scope_id = existing.scope_id
  AND stage.target_id = existing.target_id
WHERE
  stage.scope_id IS NULL;
