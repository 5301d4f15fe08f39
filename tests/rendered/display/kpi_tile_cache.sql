/*
kpi_tile_cache: the latest figures of each scope and target in one row, for pages that show tiles: the script of task kpi_tile_cache.
Latest is, for each period, the last date_id that kpi_value has, as in the design's query 5.1.
*/

-- step: stage_kpi_tile_cache | phase=create
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

-- step: kpi_tile_cache: count | phase=write table=kpi_tile_cache does=count
SELECT
  (
    SELECT COUNT(*)
    FROM kpi_tile_cache AS existing

    INNER JOIN kpi_scope
      ON kpi_scope.id = existing.scope_id
      AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
        AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
  ) AS n_stored,
  COUNT(*) AS n_staged,
  COUNT(same.target_id) AS n_matched
FROM stage_kpi_tile_cache AS fresh
LEFT JOIN kpi_tile_cache AS same
  ON same.scope_id = fresh.scope_id
  AND same.target_id = fresh.target_id;

-- step: kpi_tile_cache: update differences | phase=write table=kpi_tile_cache does=update
UPDATE /*+ NO_MERGE(new) */ kpi_tile_cache AS stale
INNER JOIN (
  SELECT
    fresh.scope_id,
    fresh.target_id,
    fresh.day_on,
    fresh.day_figures,
    fresh.week_on,
    fresh.week_figures,
    fresh.month_on,
    fresh.month_figures,
    fresh.rolling_on,
    fresh.rolling_figures
  FROM stage_kpi_tile_cache AS fresh
  INNER JOIN kpi_tile_cache AS existing
    ON existing.scope_id = fresh.scope_id
    AND existing.target_id = fresh.target_id
  WHERE
    NOT (
      existing.day_on <=> fresh.day_on
      AND existing.day_figures <=> fresh.day_figures
      AND existing.week_on <=> fresh.week_on
      AND existing.week_figures <=> fresh.week_figures
      AND existing.month_on <=> fresh.month_on
      AND existing.month_figures <=> fresh.month_figures
      AND existing.rolling_on <=> fresh.rolling_on
      AND existing.rolling_figures <=> fresh.rolling_figures
    )
) AS new
  ON stale.scope_id = new.scope_id
  AND stale.target_id = new.target_id
SET
  stale.day_on = new.day_on,
  stale.day_figures = new.day_figures,
  stale.week_on = new.week_on,
  stale.week_figures = new.week_figures,
  stale.month_on = new.month_on,
  stale.month_figures = new.month_figures,
  stale.rolling_on = new.rolling_on,
  stale.rolling_figures = new.rolling_figures,
  stale.computed_at = UTC_TIMESTAMP();

-- step: kpi_tile_cache: insert missing | phase=write table=kpi_tile_cache does=insert
INSERT INTO kpi_tile_cache (scope_id, target_id, day_on, day_figures, week_on, week_figures, month_on, month_figures, rolling_on, rolling_figures, computed_at)
SELECT
  fresh.scope_id,
  fresh.target_id,
  fresh.day_on,
  fresh.day_figures,
  fresh.week_on,
  fresh.week_figures,
  fresh.month_on,
  fresh.month_figures,
  fresh.rolling_on,
  fresh.rolling_figures,
  UTC_TIMESTAMP()
FROM stage_kpi_tile_cache AS fresh
LEFT JOIN kpi_tile_cache AS existing
  ON existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
WHERE
  existing.target_id IS NULL;

-- step: kpi_tile_cache: delete vanished | phase=write table=kpi_tile_cache does=delete
DELETE existing
FROM kpi_tile_cache AS existing

INNER JOIN kpi_scope
  ON kpi_scope.id = existing.scope_id
  AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
    AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
LEFT JOIN stage_kpi_tile_cache AS fresh
  ON fresh.scope_id = existing.scope_id
  AND fresh.target_id = existing.target_id
WHERE
  fresh.target_id IS NULL;
