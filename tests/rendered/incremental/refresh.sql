/*
The cells that a change touches, brought up to date: D of %(as_of)s, the week and the month to date, the windows that end with it, the tiles. What can
be added up is the kept sum and the difference; a median is taken anew from the cell's delays. Steps named `of …` run only when a figure of that
name was touched, or one of that table's delays (of kpi_value.DELAI_FEEDBACK, of kpi_value), the others always; then for each table `count existing`,
`update differences`, `insert missing` and `delete vanished`.
Dates: %(as_of)s today; %(week_first)s, %(week_last)s, %(month_first)s, %(month_last)s the period's first and last day.
*/

-- step: create totals
CREATE TEMPORARY TABLE IF NOT EXISTS stage_total (
  figure VARCHAR(64) NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  part DECIMAL(50, 20) NOT NULL,
  done DECIMAL(50, 20) NOT NULL,
  whole BIGINT NOT NULL,
  reconstructed BIGINT NOT NULL,
  PRIMARY KEY (figure, scope_id, target_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: create delay cells
CREATE TEMPORARY TABLE IF NOT EXISTS stage_delay_cell (
  figure VARCHAR(80) NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  PRIMARY KEY (figure, scope_id, target_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: create delay closure
CREATE TEMPORARY TABLE IF NOT EXISTS stage_delay_closure (
  figure VARCHAR(80) NOT NULL,
  target_type ENUM('GLOBAL', 'MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE', 'REFERENTIEL') NOT NULL,
  ref_id BIGINT NOT NULL,
  ancestor_id BIGINT NOT NULL,
  ancestor_type ENUM('GLOBAL', 'MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE', 'REFERENTIEL') NOT NULL,
  PRIMARY KEY (figure, target_type, ref_id, ancestor_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: create delay scopes
CREATE TEMPORARY TABLE IF NOT EXISTS stage_delay_scope (
  id BIGINT NOT NULL PRIMARY KEY,
  scope_type ENUM('GLOBAL', 'SESSION', 'GROUPE', 'SOUS_GROUPE', 'FORMATEUR', 'APPRENANT') NOT NULL,
  ref_key BIGINT NOT NULL
) COLLATE utf8mb4_0900_ai_ci;

-- step: create cell kpi_value
CREATE TEMPORARY TABLE IF NOT EXISTS cell_kpi_value (
  period ENUM('D', 'W', 'M', 'R') NOT NULL,
  date_id DATE NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  metric_id BIGINT NOT NULL,
  PRIMARY KEY (period, date_id, scope_id, target_id, metric_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: create fresh kpi_value
CREATE TEMPORARY TABLE IF NOT EXISTS fresh_kpi_value (
  period ENUM('D', 'W', 'M', 'R') NOT NULL,
  date_id DATE NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  metric_id BIGINT NOT NULL,
  value_num DECIMAL(12, 4),
  numerator BIGINT,
  denominator BIGINT,
  sample_size INT,
  extra_json JSON,
  PRIMARY KEY (period, date_id, scope_id, target_id, metric_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: create cell kpi_state_count
CREATE TEMPORARY TABLE IF NOT EXISTS cell_kpi_state_count (
  period ENUM('D', 'W', 'M', 'R') NOT NULL,
  date_id DATE NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') NOT NULL,
  state_code VARCHAR(32) NOT NULL,
  PRIMARY KEY (period, date_id, scope_id, target_id, domain, state_code)
) COLLATE utf8mb4_0900_ai_ci;

-- step: create fresh kpi_state_count
CREATE TEMPORARY TABLE IF NOT EXISTS fresh_kpi_state_count (
  period ENUM('D', 'W', 'M', 'R') NOT NULL,
  date_id DATE NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') NOT NULL,
  state_code VARCHAR(32) NOT NULL,
  state_ordre INT,
  count INT,
  PRIMARY KEY (period, date_id, scope_id, target_id, domain, state_code)
) COLLATE utf8mb4_0900_ai_ci;

-- step: create cell kpi_percentiles
CREATE TEMPORARY TABLE IF NOT EXISTS cell_kpi_percentiles (
  period ENUM('D', 'W', 'M', 'R') NOT NULL,
  date_id DATE NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  measure_code ENUM('DELAI_ACQUIS_MICRO', 'DELAI_ACQUIS_COMP', 'DELAI_FEEDBACK') NOT NULL,
  PRIMARY KEY (period, date_id, scope_id, target_id, measure_code)
) COLLATE utf8mb4_0900_ai_ci;

-- step: create fresh kpi_percentiles
CREATE TEMPORARY TABLE IF NOT EXISTS fresh_kpi_percentiles (
  period ENUM('D', 'W', 'M', 'R') NOT NULL,
  date_id DATE NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  measure_code ENUM('DELAI_ACQUIS_MICRO', 'DELAI_ACQUIS_COMP', 'DELAI_FEEDBACK') NOT NULL,
  p50 DECIMAL(12, 4),
  p75 DECIMAL(12, 4),
  p90 DECIMAL(12, 4),
  sample_size INT,
  PRIMARY KEY (period, date_id, scope_id, target_id, measure_code)
) COLLATE utf8mb4_0900_ai_ci;

-- step: create cell kpi_plan_gap
CREATE TEMPORARY TABLE IF NOT EXISTS cell_kpi_plan_gap (
  period ENUM('D', 'W', 'M', 'R') NOT NULL,
  date_id DATE NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  PRIMARY KEY (period, date_id, scope_id, target_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: create fresh kpi_plan_gap
CREATE TEMPORARY TABLE IF NOT EXISTS fresh_kpi_plan_gap (
  period ENUM('D', 'W', 'M', 'R') NOT NULL,
  date_id DATE NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  expected_count INT,
  done_count INT,
  PRIMARY KEY (period, date_id, scope_id, target_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: create cell kpi_tile_cache
CREATE TEMPORARY TABLE IF NOT EXISTS cell_kpi_tile_cache (
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  PRIMARY KEY (scope_id, target_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: create fresh kpi_tile_cache
CREATE TEMPORARY TABLE IF NOT EXISTS fresh_kpi_tile_cache (
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

-- step: totals
INSERT INTO stage_total (figure, scope_id, target_id, part, done, whole, reconstructed)
SELECT
  difference.figure,
  difference.scope_id,
  difference.target_id,
  COALESCE(kept.part, 0) + difference.part,
  COALESCE(kept.done, 0) + difference.done,
  COALESCE(kept.whole, 0) + difference.whole,
  COALESCE(kept.reconstructed, 0) + difference.reconstructed
FROM (
  SELECT
    figure,
    scope_id,
    target_id,
    SUM(sign * part) AS part,
    SUM(sign * done) AS done,
    SUM(sign * whole) AS whole,
    SUM(sign * reconstructed) AS reconstructed
  FROM stage_contribution
  GROUP BY figure, scope_id, target_id
  HAVING
    SUM(sign * part) <> 0
    OR SUM(sign * done) <> 0
    OR SUM(sign * whole) <> 0
    OR SUM(sign * reconstructed) <> 0
) AS difference
LEFT JOIN kpi_day_sum AS kept
  ON kept.figure = difference.figure
  AND kept.scope_id = difference.scope_id
  AND kept.target_id = difference.target_id;

-- step: keep sums
INSERT INTO kpi_day_sum (figure, scope_id, target_id, part, done, whole, reconstructed)
SELECT
  new.figure,
  new.scope_id,
  new.target_id,
  new.part,
  new.done,
  new.whole,
  new.reconstructed
FROM (
  SELECT
    figure,
    scope_id,
    target_id,
    part,
    done,
    whole,
    reconstructed
  FROM stage_total
  WHERE whole > 0
) AS new
ON DUPLICATE KEY UPDATE
  part = new.part,
  done = new.done,
  whole = new.whole,
  reconstructed = new.reconstructed;

-- step: remove sums of nothing
DELETE kept
FROM stage_total
INNER JOIN kpi_day_sum AS kept
  ON kept.figure = stage_total.figure
  AND kept.scope_id = stage_total.scope_id
  AND kept.target_id = stage_total.target_id
WHERE stage_total.whole = 0;

-- step: delay cells
INSERT INTO stage_delay_cell (figure, scope_id, target_id)
SELECT DISTINCT
  figure,
  scope_id,
  target_id
FROM (
  SELECT
    figure,
    scope_id,
    target_id
  FROM stage_delay
  GROUP BY figure, scope_id, target_id, event_id, microseconds, reconstructed
  HAVING SUM(sign) <> 0
) AS difference;

-- step: delay closure
INSERT INTO stage_delay_closure (figure, target_type, ref_id, ancestor_id, ancestor_type)
SELECT DISTINCT
  cell.figure,
  closure.target_type,
  closure.ref_id,
  closure.ancestor_id,
  closure.ancestor_type
FROM stage_delay_cell AS cell
INNER JOIN kpi_target_closure AS closure
  ON closure.ancestor_id = cell.target_id;

-- step: delay scopes
INSERT INTO stage_delay_scope (id, scope_type, ref_key)
SELECT
  id,
  scope_type,
  ref_key
FROM kpi_scope
WHERE id IN (SELECT stage_delay_cell.scope_id FROM stage_delay_cell);

-- step: touched figures
SELECT DISTINCT figure
FROM stage_total
UNION DISTINCT
SELECT DISTINCT figure
FROM stage_delay_cell;

-- step: kpi_value: cells
INSERT INTO cell_kpi_value (period, date_id, scope_id, target_id, metric_id)
SELECT
  touched.period,
  touched.date_id,
  stage_total.scope_id,
  stage_total.target_id,
  kpi_metric.id
FROM stage_total
INNER JOIN (
  SELECT
    'DELAI_ACQUIS_MICRO' AS figure,
    'DELAI_ACQUIS_MICRO' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'D' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_ACQUIS_MICRO' AS figure,
    'DELAI_ACQUIS_MICRO' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_ACQUIS_MICRO' AS figure,
    'DELAI_ACQUIS_MICRO' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_ACQUIS_MICRO' AS figure,
    'DELAI_ACQUIS_MICRO_R7' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 6 DAY AS since
  UNION ALL
  SELECT
    'DELAI_ACQUIS_MICRO' AS figure,
    'DELAI_ACQUIS_MICRO_R30' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 29 DAY AS since
  UNION ALL
  SELECT
    'DELAI_FEEDBACK' AS figure,
    'DELAI_FEEDBACK' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'D' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_FEEDBACK' AS figure,
    'DELAI_FEEDBACK' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_FEEDBACK' AS figure,
    'DELAI_FEEDBACK' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_FEEDBACK' AS figure,
    'DELAI_FEEDBACK_R7' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 6 DAY AS since
  UNION ALL
  SELECT
    'DELAI_FEEDBACK' AS figure,
    'DELAI_FEEDBACK_R30' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 29 DAY AS since
  UNION ALL
  SELECT
    'INACTIVITE_7J' AS figure,
    'INACTIVITE_7J' AS code,
    'LAST' AS rule,
    100 AS factor,
    'D' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) AS since
  UNION ALL
  SELECT
    'INACTIVITE_7J' AS figure,
    'INACTIVITE_7J' AS code,
    'LAST' AS rule,
    100 AS factor,
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'INACTIVITE_7J' AS figure,
    'INACTIVITE_7J' AS code,
    'LAST' AS rule,
    100 AS factor,
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'PCT_ACQUIS' AS figure,
    'PCT_ACQUIS' AS code,
    'LAST' AS rule,
    100 AS factor,
    'D' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) AS since
  UNION ALL
  SELECT
    'PCT_ACQUIS' AS figure,
    'PCT_ACQUIS' AS code,
    'LAST' AS rule,
    100 AS factor,
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'PCT_ACQUIS' AS figure,
    'PCT_ACQUIS' AS code,
    'LAST' AS rule,
    100 AS factor,
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'PCT_ACQUIS' AS figure,
    'PCT_ACQUIS_R7' AS code,
    'RATIO_OF_SUMS' AS rule,
    100 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 6 DAY AS since
  UNION ALL
  SELECT
    'PCT_ACQUIS' AS figure,
    'PCT_ACQUIS_R30' AS code,
    'RATIO_OF_SUMS' AS rule,
    100 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 29 DAY AS since
  UNION ALL
  SELECT
    'PCT_COUVERTURE_UA' AS figure,
    'PCT_COUVERTURE_UA' AS code,
    'LAST' AS rule,
    100 AS factor,
    'D' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) AS since
  UNION ALL
  SELECT
    'PCT_COUVERTURE_UA' AS figure,
    'PCT_COUVERTURE_UA' AS code,
    'LAST' AS rule,
    100 AS factor,
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'PCT_COUVERTURE_UA' AS figure,
    'PCT_COUVERTURE_UA' AS code,
    'LAST' AS rule,
    100 AS factor,
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'PROGRESSION_MOY' AS figure,
    'PROGRESSION_MOY' AS code,
    'LAST' AS rule,
    100 AS factor,
    'D' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) AS since
  UNION ALL
  SELECT
    'PROGRESSION_MOY' AS figure,
    'PROGRESSION_MOY' AS code,
    'LAST' AS rule,
    100 AS factor,
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'PROGRESSION_MOY' AS figure,
    'PROGRESSION_MOY' AS code,
    'LAST' AS rule,
    100 AS factor,
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'PROGRESSION_MOY' AS figure,
    'PROGRESSION_MOY_R7' AS code,
    'WEIGHTED_MEAN' AS rule,
    100 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 6 DAY AS since
  UNION ALL
  SELECT
    'PROGRESSION_MOY' AS figure,
    'PROGRESSION_MOY_R30' AS code,
    'WEIGHTED_MEAN' AS rule,
    100 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 29 DAY AS since
) AS touched
  ON touched.figure = stage_total.figure
INNER JOIN kpi_metric
  ON kpi_metric.code = touched.code;

-- step: of kpi_value: cells
INSERT INTO cell_kpi_value (period, date_id, scope_id, target_id, metric_id)
SELECT
  touched.period,
  touched.date_id,
  cell.scope_id,
  cell.target_id,
  kpi_metric.id
FROM stage_delay_cell AS cell
INNER JOIN (
  SELECT
    'DELAI_ACQUIS_MICRO' AS figure,
    'DELAI_ACQUIS_MICRO' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'D' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_ACQUIS_MICRO' AS figure,
    'DELAI_ACQUIS_MICRO' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_ACQUIS_MICRO' AS figure,
    'DELAI_ACQUIS_MICRO' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_ACQUIS_MICRO' AS figure,
    'DELAI_ACQUIS_MICRO_R7' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 6 DAY AS since
  UNION ALL
  SELECT
    'DELAI_ACQUIS_MICRO' AS figure,
    'DELAI_ACQUIS_MICRO_R30' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 29 DAY AS since
  UNION ALL
  SELECT
    'DELAI_FEEDBACK' AS figure,
    'DELAI_FEEDBACK' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'D' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_FEEDBACK' AS figure,
    'DELAI_FEEDBACK' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_FEEDBACK' AS figure,
    'DELAI_FEEDBACK' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_FEEDBACK' AS figure,
    'DELAI_FEEDBACK_R7' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 6 DAY AS since
  UNION ALL
  SELECT
    'DELAI_FEEDBACK' AS figure,
    'DELAI_FEEDBACK_R30' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 29 DAY AS since
  UNION ALL
  SELECT
    'INACTIVITE_7J' AS figure,
    'INACTIVITE_7J' AS code,
    'LAST' AS rule,
    100 AS factor,
    'D' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) AS since
  UNION ALL
  SELECT
    'INACTIVITE_7J' AS figure,
    'INACTIVITE_7J' AS code,
    'LAST' AS rule,
    100 AS factor,
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'INACTIVITE_7J' AS figure,
    'INACTIVITE_7J' AS code,
    'LAST' AS rule,
    100 AS factor,
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'PCT_ACQUIS' AS figure,
    'PCT_ACQUIS' AS code,
    'LAST' AS rule,
    100 AS factor,
    'D' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) AS since
  UNION ALL
  SELECT
    'PCT_ACQUIS' AS figure,
    'PCT_ACQUIS' AS code,
    'LAST' AS rule,
    100 AS factor,
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'PCT_ACQUIS' AS figure,
    'PCT_ACQUIS' AS code,
    'LAST' AS rule,
    100 AS factor,
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'PCT_ACQUIS' AS figure,
    'PCT_ACQUIS_R7' AS code,
    'RATIO_OF_SUMS' AS rule,
    100 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 6 DAY AS since
  UNION ALL
  SELECT
    'PCT_ACQUIS' AS figure,
    'PCT_ACQUIS_R30' AS code,
    'RATIO_OF_SUMS' AS rule,
    100 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 29 DAY AS since
  UNION ALL
  SELECT
    'PCT_COUVERTURE_UA' AS figure,
    'PCT_COUVERTURE_UA' AS code,
    'LAST' AS rule,
    100 AS factor,
    'D' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) AS since
  UNION ALL
  SELECT
    'PCT_COUVERTURE_UA' AS figure,
    'PCT_COUVERTURE_UA' AS code,
    'LAST' AS rule,
    100 AS factor,
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'PCT_COUVERTURE_UA' AS figure,
    'PCT_COUVERTURE_UA' AS code,
    'LAST' AS rule,
    100 AS factor,
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'PROGRESSION_MOY' AS figure,
    'PROGRESSION_MOY' AS code,
    'LAST' AS rule,
    100 AS factor,
    'D' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) AS since
  UNION ALL
  SELECT
    'PROGRESSION_MOY' AS figure,
    'PROGRESSION_MOY' AS code,
    'LAST' AS rule,
    100 AS factor,
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'PROGRESSION_MOY' AS figure,
    'PROGRESSION_MOY' AS code,
    'LAST' AS rule,
    100 AS factor,
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'PROGRESSION_MOY' AS figure,
    'PROGRESSION_MOY_R7' AS code,
    'WEIGHTED_MEAN' AS rule,
    100 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 6 DAY AS since
  UNION ALL
  SELECT
    'PROGRESSION_MOY' AS figure,
    'PROGRESSION_MOY_R30' AS code,
    'WEIGHTED_MEAN' AS rule,
    100 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 29 DAY AS since
) AS touched
  ON cell.figure = CONCAT('kpi_value.', touched.figure)
INNER JOIN kpi_metric
  ON kpi_metric.code = touched.code;

-- step: of kpi_percentiles: cells
INSERT INTO cell_kpi_percentiles (period, date_id, scope_id, target_id, measure_code)
SELECT
  touched.period,
  touched.date_id,
  cell.scope_id,
  cell.target_id,
  SUBSTRING_INDEX(cell.figure, '.', -1)
FROM stage_delay_cell AS cell
CROSS JOIN (
  SELECT
    'D' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) AS since
  UNION ALL
  SELECT
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
) AS touched
WHERE cell.figure LIKE 'kpi\_percentiles.%';

-- step: of kpi_value.DELAI_ACQUIS_MICRO: D, W, M, R
INSERT INTO fresh_kpi_value (period, date_id, metric_id, scope_id, target_id, value_num, numerator, denominator, sample_size, extra_json)
WITH part AS (
  SELECT
    ROW_NUMBER() OVER (ORDER BY listed.code, listed.period) AS part_no,
    listed.code,
    listed.period,
    listed.date_id,
    listed.since,
    calendar.utc_start
  FROM (
  SELECT
    'DELAI_ACQUIS_MICRO' AS figure,
    'DELAI_ACQUIS_MICRO' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'D' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_ACQUIS_MICRO' AS figure,
    'DELAI_ACQUIS_MICRO' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_ACQUIS_MICRO' AS figure,
    'DELAI_ACQUIS_MICRO' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_ACQUIS_MICRO' AS figure,
    'DELAI_ACQUIS_MICRO_R7' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 6 DAY AS since
  UNION ALL
  SELECT
    'DELAI_ACQUIS_MICRO' AS figure,
    'DELAI_ACQUIS_MICRO_R30' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 29 DAY AS since
  ) AS listed
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id = GREATEST(listed.since, (SELECT MIN(kpi_time.date_id) FROM kpi_time))
)

SELECT
  told.period,
  told.date_id,
  kpi_metric.id,
  figure.scope_id,
  figure.target_id,
  figure.value_num,
  figure.numerator,
  figure.denominator,
  figure.sample_size,
  IF(
    told.period = 'D',
    figure.extra_json,
    JSON_MERGE_PATCH(
      COALESCE(figure.extra_json, JSON_OBJECT()),
      JSON_OBJECT('as_of', CAST(%(as_of)s AS CHAR), 'days', DATEDIFF(%(as_of)s, told.since) + 1, 'complete', CAST(IF(%(as_of)s = told.date_id, 'true', 'false') AS JSON))
    )
  )
FROM (
/*
code: DELAI_ACQUIS_MICRO
label: Médiane délais acquisition micro
unit: jours
agg: MEDIAN
counts: flow
higher_is_better: false
category: RYTHME
target_levels: [MICRO_COMPETENCE]
rollup: RECOMPUTE
rolling: {rule: RECOMPUTE, days: [7, 30]}
description: >
  The median time, in days of 24 h, from start to end of the micro-competences finished within the period and final at its
  end.
example: >
  Three learners finished a micro-competence today, after 1, 2 and 6 days: value_num = 2.0000, sample_size = 3.
*/
WITH realisation AS (
  SELECT
    history.learner_id,
    history.domain,
    history.ref_id,
    history.state_code,
    history.state_order,
    history.is_final,
    history.progress_pct,
    history.score,
    history.score_max,
    history.started_at,
    history.finished_at,
    history.last_activity_at,
    history.origin = 'RECONSTRUCTED' AS reconstructed,
    day.date_id AS first_day,
    day.date_id AS last_day
  FROM kpi_time AS day
  INNER JOIN kpi_src_realisation AS history FORCE INDEX (`PRIMARY`)
    ON history.valid_to = '9999-12-31'
  WHERE
    day.date_id = %(as_of)s
    AND history.domain IN ('MICRO_COMPETENCE')
),

acquired AS (
  SELECT
    realisation.learner_id,
    realisation.domain,
    realisation.ref_id,
    CONCAT(realisation.learner_id, ':', realisation.ref_id) AS event_id,
    TIMESTAMPDIFF(MICROSECOND, realisation.started_at, realisation.finished_at) AS microseconds,
    realisation.reconstructed,
    realisation.finished_at AS happened_at,
    realisation.first_day,
    realisation.last_day
  FROM kpi_time AS window_start
  INNER JOIN kpi_time AS window_end
    ON window_end.date_id = %(as_of)s
  INNER JOIN realisation
    ON realisation.finished_at >= window_start.utc_start
    AND realisation.finished_at < window_end.utc_end
  WHERE
    window_start.date_id = (
      SELECT MIN(kpi_time.date_id)
      FROM kpi_time
      WHERE kpi_time.date_id >= LEAST(CAST(%(as_of)s AS DATE), CAST(%(week_first)s AS DATE), CAST(%(month_first)s AS DATE), CAST(%(as_of)s AS DATE) - INTERVAL 6 DAY, CAST(%(as_of)s AS DATE) - INTERVAL 29 DAY)
    )
    AND realisation.is_final = 1
    AND realisation.started_at IS NOT NULL
),

delay AS (
  SELECT
    learner_id,
    domain,
    ref_id,
    event_id,
    microseconds,
    reconstructed,
    happened_at,
    DATE '1900-01-01' AS first_day,
    DATE '9999-12-31' AS last_day
  FROM acquired
),

member AS (
  SELECT
    kpi_scope.id AS scope_id,
    kpi_scope.scope_type,
    membership.learner_id,
    day.date_id AS first_day,
    day.date_id AS last_day
  FROM kpi_time AS day
  INNER JOIN kpi_src_membership AS membership
    ON membership.valid_to = '9999-12-31'
    AND (membership.active_from IS NULL OR membership.active_from < day.utc_end)
    AND (membership.active_to IS NULL OR membership.active_to >= day.utc_end)
  INNER JOIN stage_delay_scope AS kpi_scope
    ON kpi_scope.scope_type = membership.scope_type
    AND kpi_scope.ref_key = membership.scope_ref_id
  WHERE day.date_id = %(as_of)s
),

event AS (
  SELECT /*+ NO_INDEX(closure) */
    delay.learner_id,
    closure.ancestor_id AS target_id,
    delay.event_id,
    delay.happened_at,
    delay.microseconds,
    delay.reconstructed
  FROM delay
  INNER JOIN stage_delay_closure AS closure
    ON closure.target_type = delay.domain
    AND closure.ref_id = delay.ref_id
    AND closure.ancestor_type IN ('MICRO_COMPETENCE')
    AND closure.figure = 'kpi_value.DELAI_ACQUIS_MICRO'
),

sample AS (
  SELECT /*+ NO_MERGE(event) NO_MERGE(member) JOIN_ORDER(event, member, cell) NO_INDEX(cell) */
    member.scope_id,
    event.target_id,
    event.event_id,
    event.happened_at,
    event.microseconds,
    event.reconstructed
  FROM event
  INNER JOIN member
    ON member.learner_id = event.learner_id
  INNER JOIN stage_delay_cell AS cell
    ON cell.scope_id = member.scope_id
    AND cell.target_id = event.target_id
    AND cell.figure = 'kpi_value.DELAI_ACQUIS_MICRO'
)
,

ranked AS (
  SELECT /*+ NO_MERGE(sample) */
    part_no, scope_id, target_id,
    microseconds,
    reconstructed,
    ROW_NUMBER() OVER (PARTITION BY part_no, scope_id, target_id ORDER BY microseconds) - 1 AS place,
    COUNT(*) OVER (PARTITION BY part_no, scope_id, target_id) AS n
  FROM sample
  INNER JOIN part
    ON part.utc_start <= sample.happened_at
)

SELECT
  part_no, scope_id, target_id,
  ROUND(
    SUM(
      CASE
        WHEN place = (n - 1) * 50 DIV 100
          THEN microseconds * (100 - MOD((n - 1) * 50, 100))
        WHEN place = (n - 1) * 50 DIV 100 + 1
          THEN microseconds * MOD((n - 1) * 50, 100)
        ELSE 0
      END
    ) * 1.00000000 / (86400000000 * 100),
    4
  ) AS value_num,
  NULL AS numerator,
  NULL AS denominator,
  MAX(n) AS sample_size,
  CASE WHEN SUM(reconstructed) > 0 THEN JSON_OBJECT('reconstructed', CAST(SUM(reconstructed) AS SIGNED)) END AS extra_json
FROM ranked
GROUP BY part_no, scope_id, target_id
) AS figure
INNER JOIN part AS told
  ON told.part_no = figure.part_no
INNER JOIN kpi_metric
  ON kpi_metric.code = told.code;

-- step: of kpi_value.DELAI_FEEDBACK: D, W, M, R
INSERT INTO fresh_kpi_value (period, date_id, metric_id, scope_id, target_id, value_num, numerator, denominator, sample_size, extra_json)
WITH part AS (
  SELECT
    ROW_NUMBER() OVER (ORDER BY listed.code, listed.period) AS part_no,
    listed.code,
    listed.period,
    listed.date_id,
    listed.since,
    calendar.utc_start
  FROM (
  SELECT
    'DELAI_FEEDBACK' AS figure,
    'DELAI_FEEDBACK' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'D' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_FEEDBACK' AS figure,
    'DELAI_FEEDBACK' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_FEEDBACK' AS figure,
    'DELAI_FEEDBACK' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_FEEDBACK' AS figure,
    'DELAI_FEEDBACK_R7' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 6 DAY AS since
  UNION ALL
  SELECT
    'DELAI_FEEDBACK' AS figure,
    'DELAI_FEEDBACK_R30' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 29 DAY AS since
  ) AS listed
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id = GREATEST(listed.since, (SELECT MIN(kpi_time.date_id) FROM kpi_time))
)

SELECT
  told.period,
  told.date_id,
  kpi_metric.id,
  figure.scope_id,
  figure.target_id,
  figure.value_num,
  figure.numerator,
  figure.denominator,
  figure.sample_size,
  IF(
    told.period = 'D',
    figure.extra_json,
    JSON_MERGE_PATCH(
      COALESCE(figure.extra_json, JSON_OBJECT()),
      JSON_OBJECT('as_of', CAST(%(as_of)s AS CHAR), 'days', DATEDIFF(%(as_of)s, told.since) + 1, 'complete', CAST(IF(%(as_of)s = told.date_id, 'true', 'false') AS JSON))
    )
  )
FROM (
/*
code: DELAI_FEEDBACK
label: Médiane délais feedback
unit: heures
agg: MEDIAN
counts: flow
higher_is_better: false
category: FEEDBACK
target_levels: [MODULE, COMPETENCE, MICRO_COMPETENCE]
rollup: RECOMPUTE
rolling: {rule: RECOMPUTE, days: [7, 30]}
description: >
  The median time, in hours, from a submission to its first feedback, over the feedback given within the period on targets
  at or under the target. A submission counts once per scope and target, however many UAs its task hangs on.
example: >
  Two submissions of a group on a module were answered today, after 2 and 5 hours: value_num = 3.5000, sample_size = 2.
*/
WITH answered AS (
  SELECT
    feedback.learner_id,
    feedback.target_type AS domain,
    feedback.target_ref_id AS ref_id,
    CONCAT_WS(':', feedback.kind, feedback.submission_id, feedback.learner_id, feedback.captured_at) AS event_id,
    TIMESTAMPDIFF(MICROSECOND, feedback.submitted_at, feedback.feedback_at) AS microseconds,
    0 AS reconstructed,
    feedback.feedback_at AS happened_at
  FROM kpi_time AS window_start
  INNER JOIN kpi_time AS window_end
    ON window_end.date_id = %(as_of)s
  INNER JOIN kpi_src_feedback AS feedback
    ON feedback.feedback_at >= window_start.utc_start
    AND feedback.feedback_at < window_end.utc_end
  WHERE
    window_start.date_id = (
      SELECT MIN(kpi_time.date_id)
      FROM kpi_time
      WHERE kpi_time.date_id >= LEAST(CAST(%(as_of)s AS DATE), CAST(%(week_first)s AS DATE), CAST(%(month_first)s AS DATE), CAST(%(as_of)s AS DATE) - INTERVAL 6 DAY, CAST(%(as_of)s AS DATE) - INTERVAL 29 DAY)
    )
    AND feedback.submitted_at IS NOT NULL
),

delay AS (
  SELECT
    learner_id,
    domain,
    ref_id,
    event_id,
    microseconds,
    reconstructed,
    happened_at,
    DATE '1900-01-01' AS first_day,
    DATE '9999-12-31' AS last_day
  FROM answered
),

member AS (
  SELECT
    kpi_scope.id AS scope_id,
    kpi_scope.scope_type,
    membership.learner_id,
    day.date_id AS first_day,
    day.date_id AS last_day
  FROM kpi_time AS day
  INNER JOIN kpi_src_membership AS membership
    ON membership.valid_to = '9999-12-31'
    AND (membership.active_from IS NULL OR membership.active_from < day.utc_end)
    AND (membership.active_to IS NULL OR membership.active_to >= day.utc_end)
  INNER JOIN stage_delay_scope AS kpi_scope
    ON kpi_scope.scope_type = membership.scope_type
    AND kpi_scope.ref_key = membership.scope_ref_id
  WHERE day.date_id = %(as_of)s
),

event AS (
  SELECT /*+ NO_INDEX(closure) */
    delay.learner_id,
    closure.ancestor_id AS target_id,
    delay.event_id,
    delay.happened_at,
    delay.microseconds,
    delay.reconstructed
  FROM delay
  INNER JOIN stage_delay_closure AS closure
    ON closure.target_type = delay.domain
    AND closure.ref_id = delay.ref_id
    AND closure.ancestor_type IN ('MODULE', 'COMPETENCE', 'MICRO_COMPETENCE')
    AND closure.figure = 'kpi_value.DELAI_FEEDBACK'
),

sample AS (
  SELECT /*+ NO_MERGE(event) NO_MERGE(member) JOIN_ORDER(event, member, cell) NO_INDEX(cell) */ DISTINCT
    member.scope_id,
    event.target_id,
    event.event_id,
    event.happened_at,
    event.microseconds,
    event.reconstructed
  FROM event
  INNER JOIN member
    ON member.learner_id = event.learner_id
  INNER JOIN stage_delay_cell AS cell
    ON cell.scope_id = member.scope_id
    AND cell.target_id = event.target_id
    AND cell.figure = 'kpi_value.DELAI_FEEDBACK'
)
,

ranked AS (
  SELECT /*+ NO_MERGE(sample) */
    part_no, scope_id, target_id,
    microseconds,
    reconstructed,
    ROW_NUMBER() OVER (PARTITION BY part_no, scope_id, target_id ORDER BY microseconds) - 1 AS place,
    COUNT(*) OVER (PARTITION BY part_no, scope_id, target_id) AS n
  FROM sample
  INNER JOIN part
    ON part.utc_start <= sample.happened_at
)

SELECT
  part_no, scope_id, target_id,
  ROUND(
    SUM(
      CASE
        WHEN place = (n - 1) * 50 DIV 100
          THEN microseconds * (100 - MOD((n - 1) * 50, 100))
        WHEN place = (n - 1) * 50 DIV 100 + 1
          THEN microseconds * MOD((n - 1) * 50, 100)
        ELSE 0
      END
    ) * 1.00000000 / (3600000000 * 100),
    4
  ) AS value_num,
  NULL AS numerator,
  NULL AS denominator,
  MAX(n) AS sample_size,
  CASE WHEN SUM(reconstructed) > 0 THEN JSON_OBJECT('reconstructed', CAST(SUM(reconstructed) AS SIGNED)) END AS extra_json
FROM ranked
GROUP BY part_no, scope_id, target_id
) AS figure
INNER JOIN part AS told
  ON told.part_no = figure.part_no
INNER JOIN kpi_metric
  ON kpi_metric.code = told.code;

-- step: of INACTIVITE_7J: D
INSERT INTO fresh_kpi_value (period, date_id, metric_id, scope_id, target_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  'D',
  %(as_of)s,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'INACTIVITE_7J'),
  figure.scope_id,
  figure.target_id,
  figure.value_num,
  figure.numerator,
  figure.denominator,
  figure.sample_size,
  figure.extra_json
FROM (
WITH scope_sum AS (
  SELECT
    scope_id,
    target_id,
    part,
    whole,
    reconstructed
  FROM stage_total
  WHERE
    figure = 'INACTIVITE_7J'
    AND whole > 0
)

SELECT
  scope_id,
  target_id,
  ROUND(100.00000000 * part / whole, 4) AS value_num,
  part AS numerator,
  whole AS denominator,
  whole AS sample_size,
  CASE WHEN reconstructed > 0 THEN JSON_OBJECT('reconstructed', CAST(reconstructed AS SIGNED)) END AS extra_json
FROM scope_sum
) AS figure;

-- step: of PCT_ACQUIS: D
INSERT INTO fresh_kpi_value (period, date_id, metric_id, scope_id, target_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  'D',
  %(as_of)s,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'PCT_ACQUIS'),
  figure.scope_id,
  figure.target_id,
  figure.value_num,
  figure.numerator,
  figure.denominator,
  figure.sample_size,
  figure.extra_json
FROM (
WITH scope_sum AS (
  SELECT
    scope_id,
    target_id,
    part,
    whole,
    reconstructed
  FROM stage_total
  WHERE
    figure = 'PCT_ACQUIS'
    AND whole > 0
)

SELECT
  scope_id,
  target_id,
  ROUND(100.00000000 * part / whole, 4) AS value_num,
  part AS numerator,
  whole AS denominator,
  whole AS sample_size,
  CASE WHEN reconstructed > 0 THEN JSON_OBJECT('reconstructed', CAST(reconstructed AS SIGNED)) END AS extra_json
FROM scope_sum
) AS figure;

-- step: of PCT_COUVERTURE_UA: D
INSERT INTO fresh_kpi_value (period, date_id, metric_id, scope_id, target_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  'D',
  %(as_of)s,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'PCT_COUVERTURE_UA'),
  figure.scope_id,
  figure.target_id,
  figure.value_num,
  figure.numerator,
  figure.denominator,
  figure.sample_size,
  figure.extra_json
FROM (
WITH scope_sum AS (
  SELECT
    scope_id,
    target_id,
    part,
    whole,
    reconstructed
  FROM stage_total
  WHERE
    figure = 'PCT_COUVERTURE_UA'
    AND whole > 0
)

SELECT
  scope_id,
  target_id,
  ROUND(100.00000000 * part / whole, 4) AS value_num,
  part AS numerator,
  whole AS denominator,
  whole AS sample_size,
  CASE WHEN reconstructed > 0 THEN JSON_OBJECT('reconstructed', CAST(reconstructed AS SIGNED)) END AS extra_json
FROM scope_sum
) AS figure;

-- step: of PROGRESSION_MOY: D
INSERT INTO fresh_kpi_value (period, date_id, metric_id, scope_id, target_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  'D',
  %(as_of)s,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'PROGRESSION_MOY'),
  figure.scope_id,
  figure.target_id,
  figure.value_num,
  figure.numerator,
  figure.denominator,
  figure.sample_size,
  figure.extra_json
FROM (
WITH scope_sum AS (
  SELECT
    scope_id,
    target_id,
    part,
    whole,
    reconstructed
  FROM stage_total
  WHERE
    figure = 'PROGRESSION_MOY'
    AND whole > 0
)

SELECT
  scope_id,
  target_id,
  ROUND(part / whole, 4) AS value_num,
  NULL AS numerator,
  NULL AS denominator,
  whole AS sample_size,
  CASE WHEN reconstructed > 0 THEN JSON_OBJECT('reconstructed', CAST(reconstructed AS SIGNED)) END AS extra_json
FROM scope_sum
) AS figure;

-- step: kpi_value: count existing
SELECT
  (SELECT COUNT(*) FROM cell_kpi_value WHERE period = 'D') AS touched,
  COUNT(*) AS held,
  COUNT(existing.metric_id) AS existing
FROM fresh_kpi_value AS fresh
LEFT JOIN kpi_value AS existing
  ON existing.period = fresh.period
  AND existing.date_id = fresh.date_id
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.metric_id = fresh.metric_id
WHERE fresh.period = 'D';

-- step: kpi_value: update differences
UPDATE fresh_kpi_value AS fresh
INNER JOIN kpi_value AS existing
  ON existing.period = fresh.period
  AND existing.date_id = fresh.date_id
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.metric_id = fresh.metric_id
SET
  existing.value_num = fresh.value_num,
  existing.numerator = fresh.numerator,
  existing.denominator = fresh.denominator,
  existing.sample_size = fresh.sample_size,
  existing.extra_json = fresh.extra_json,
  existing.computed_at = UTC_TIMESTAMP()
WHERE
  fresh.period = 'D'
  AND (
    NOT (existing.value_num <=> fresh.value_num)
    OR NOT (existing.numerator <=> fresh.numerator)
    OR NOT (existing.denominator <=> fresh.denominator)
    OR NOT (existing.sample_size <=> fresh.sample_size)
    OR NOT (existing.extra_json <=> fresh.extra_json)
  );

-- step: kpi_value: insert missing
INSERT INTO kpi_value (period, date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json, computed_at)
SELECT
  fresh.period,
  fresh.date_id,
  fresh.scope_id,
  fresh.target_id,
  fresh.metric_id,
  fresh.value_num,
  fresh.numerator,
  fresh.denominator,
  fresh.sample_size,
  fresh.extra_json,
  UTC_TIMESTAMP()
FROM fresh_kpi_value AS fresh
LEFT JOIN kpi_value AS existing
  ON existing.period = fresh.period
  AND existing.date_id = fresh.date_id
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.metric_id = fresh.metric_id
WHERE
  fresh.period = 'D'
  AND existing.metric_id IS NULL;

-- step: kpi_value: delete vanished
DELETE existing
FROM cell_kpi_value AS cell
INNER JOIN kpi_value AS existing
  ON existing.period = cell.period
  AND existing.date_id = cell.date_id
  AND existing.scope_id = cell.scope_id
  AND existing.target_id = cell.target_id
  AND existing.metric_id = cell.metric_id
LEFT JOIN fresh_kpi_value AS fresh
  ON fresh.period = cell.period
  AND fresh.date_id = cell.date_id
  AND fresh.scope_id = cell.scope_id
  AND fresh.target_id = cell.target_id
  AND fresh.metric_id = cell.metric_id
WHERE
  cell.period = 'D'
  AND fresh.metric_id IS NULL;

-- step: W, M, R: the day's figures (LAST, RECOMPUTE)
INSERT INTO fresh_kpi_value (period, date_id, metric_id, scope_id, target_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  touched.period,
  touched.date_id,
  told.id,
  fact.scope_id,
  fact.target_id,
  fact.value_num,
  fact.numerator,
  fact.denominator,
  fact.sample_size,
  JSON_MERGE_PATCH(
    COALESCE(fact.extra_json, JSON_OBJECT()),
    JSON_OBJECT('as_of', CAST(%(as_of)s AS CHAR), 'days', DATEDIFF(%(as_of)s, touched.since) + 1, 'complete', CAST(IF(%(as_of)s = touched.date_id, 'true', 'false') AS JSON))
  )
FROM stage_total
INNER JOIN (
  SELECT
    'DELAI_ACQUIS_MICRO' AS figure,
    'DELAI_ACQUIS_MICRO' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_ACQUIS_MICRO' AS figure,
    'DELAI_ACQUIS_MICRO' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_ACQUIS_MICRO' AS figure,
    'DELAI_ACQUIS_MICRO_R7' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 6 DAY AS since
  UNION ALL
  SELECT
    'DELAI_ACQUIS_MICRO' AS figure,
    'DELAI_ACQUIS_MICRO_R30' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 29 DAY AS since
  UNION ALL
  SELECT
    'DELAI_FEEDBACK' AS figure,
    'DELAI_FEEDBACK' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_FEEDBACK' AS figure,
    'DELAI_FEEDBACK' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_FEEDBACK' AS figure,
    'DELAI_FEEDBACK_R7' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 6 DAY AS since
  UNION ALL
  SELECT
    'DELAI_FEEDBACK' AS figure,
    'DELAI_FEEDBACK_R30' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 29 DAY AS since
  UNION ALL
  SELECT
    'INACTIVITE_7J' AS figure,
    'INACTIVITE_7J' AS code,
    'LAST' AS rule,
    100 AS factor,
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'INACTIVITE_7J' AS figure,
    'INACTIVITE_7J' AS code,
    'LAST' AS rule,
    100 AS factor,
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'PCT_ACQUIS' AS figure,
    'PCT_ACQUIS' AS code,
    'LAST' AS rule,
    100 AS factor,
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'PCT_ACQUIS' AS figure,
    'PCT_ACQUIS' AS code,
    'LAST' AS rule,
    100 AS factor,
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'PCT_COUVERTURE_UA' AS figure,
    'PCT_COUVERTURE_UA' AS code,
    'LAST' AS rule,
    100 AS factor,
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'PCT_COUVERTURE_UA' AS figure,
    'PCT_COUVERTURE_UA' AS code,
    'LAST' AS rule,
    100 AS factor,
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'PROGRESSION_MOY' AS figure,
    'PROGRESSION_MOY' AS code,
    'LAST' AS rule,
    100 AS factor,
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'PROGRESSION_MOY' AS figure,
    'PROGRESSION_MOY' AS code,
    'LAST' AS rule,
    100 AS factor,
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
) AS touched
  ON touched.figure = stage_total.figure
INNER JOIN kpi_metric
  ON kpi_metric.code = stage_total.figure
INNER JOIN kpi_value AS fact
  ON fact.date_id = %(as_of)s
  AND fact.period = 'D'
  AND fact.scope_id = stage_total.scope_id
  AND fact.target_id = stage_total.target_id
  AND fact.metric_id = kpi_metric.id
INNER JOIN kpi_metric AS told
  ON told.code = touched.code;

-- step: W, M, R: figures that add up
INSERT INTO fresh_kpi_value (period, date_id, metric_id, scope_id, target_id, value_num, numerator, denominator, sample_size, extra_json)
WITH part AS (
  SELECT
    'PCT_ACQUIS' AS figure,
    'PCT_ACQUIS_R7' AS code,
    'RATIO_OF_SUMS' AS rule,
    100 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 6 DAY AS since
  UNION ALL
  SELECT
    'PCT_ACQUIS' AS figure,
    'PCT_ACQUIS_R30' AS code,
    'RATIO_OF_SUMS' AS rule,
    100 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 29 DAY AS since
  UNION ALL
  SELECT
    'PROGRESSION_MOY' AS figure,
    'PROGRESSION_MOY_R7' AS code,
    'WEIGHTED_MEAN' AS rule,
    100 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 6 DAY AS since
  UNION ALL
  SELECT
    'PROGRESSION_MOY' AS figure,
    'PROGRESSION_MOY_R30' AS code,
    'WEIGHTED_MEAN' AS rule,
    100 AS factor,
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) - INTERVAL 29 DAY AS since
),

done_day AS (
  SELECT date_to AS date_id
  FROM kpi_run
  WHERE
    table_name IN ('kpi_value', 'kpi_state_count', 'kpi_percentiles')
    AND state = 'DONE'
    AND period = 'D'
    AND scopes IS NULL
    AND date_to >= (SELECT MIN(part.since) FROM part)
    AND date_to <= %(as_of)s
  GROUP BY date_to
  HAVING COUNT(DISTINCT table_name) = 3
),

told AS (
  SELECT
    part.figure,
    part.code,
    part.rule,
    part.factor,
    part.period,
    part.date_id,
    part.since,
    COUNT(done_day.date_id) AS days,
    part.date_id = %(as_of)s AND COUNT(done_day.date_id) = DATEDIFF(%(as_of)s, part.since) + 1 AS is_complete
  FROM part
  LEFT JOIN done_day
    ON done_day.date_id >= part.since
  GROUP BY part.figure, part.code, part.rule, part.factor, part.period, part.date_id, part.since
),

added AS (
  SELECT
    told.code,
    told.rule,
    told.factor,
    told.period,
    told.date_id,
    told.days,
    told.is_complete,
    fact.scope_id,
    fact.target_id,
    SUM(fact.value_num) AS value_num,
    SUM(fact.numerator) AS numerator,
    SUM(fact.denominator) AS denominator,
    SUM(fact.value_num * fact.sample_size) AS weighted,
    SUM(fact.sample_size) AS whole,
    SUM(COALESCE(CAST(fact.extra_json ->> '$.reconstructed' AS SIGNED), 0)) AS reconstructed
  FROM stage_total
  INNER JOIN told
    ON told.figure = stage_total.figure
  INNER JOIN kpi_metric
    ON kpi_metric.code = stage_total.figure
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id >= told.since
    AND calendar.date_id <= %(as_of)s
  INNER JOIN kpi_value AS fact
    ON fact.date_id = calendar.date_id
    AND fact.period = 'D'
    AND fact.scope_id = stage_total.scope_id
    AND fact.target_id = stage_total.target_id
    AND fact.metric_id = kpi_metric.id
  GROUP BY
    told.code, told.rule, told.factor, told.period, told.date_id, told.days, told.is_complete, fact.scope_id, fact.target_id
)

SELECT
  added.period,
  added.date_id,
  kpi_metric.id,
  added.scope_id,
  added.target_id,
  CASE added.rule
    WHEN 'SUM' THEN added.value_num
    WHEN 'RATIO_OF_SUMS' THEN ROUND(added.factor * added.numerator / added.denominator, 4)
    WHEN 'WEIGHTED_MEAN' THEN ROUND(added.weighted / added.whole, 4)
  END,
  CASE added.rule
    WHEN 'SUM' THEN added.numerator
    WHEN 'RATIO_OF_SUMS' THEN added.numerator
    WHEN 'WEIGHTED_MEAN' THEN NULL
  END,
  CASE added.rule
    WHEN 'SUM' THEN added.denominator
    WHEN 'RATIO_OF_SUMS' THEN added.denominator
    WHEN 'WEIGHTED_MEAN' THEN NULL
  END,
  added.whole,
  JSON_MERGE_PATCH(
    COALESCE(IF(added.reconstructed > 0, JSON_OBJECT('reconstructed', CAST(added.reconstructed AS SIGNED)), NULL), JSON_OBJECT()),
    JSON_OBJECT('as_of', CAST(%(as_of)s AS CHAR), 'days', added.days, 'complete', CAST(IF(added.is_complete, 'true', 'false') AS JSON))
  )
FROM added
INNER JOIN kpi_metric
  ON kpi_metric.code = added.code;

-- step: kpi_value: count existing
SELECT
  (SELECT COUNT(*) FROM cell_kpi_value WHERE period <> 'D') AS touched,
  COUNT(*) AS held,
  COUNT(existing.metric_id) AS existing
FROM fresh_kpi_value AS fresh
LEFT JOIN kpi_value AS existing
  ON existing.period = fresh.period
  AND existing.date_id = fresh.date_id
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.metric_id = fresh.metric_id
WHERE fresh.period <> 'D';

-- step: kpi_value: update differences
UPDATE fresh_kpi_value AS fresh
INNER JOIN kpi_value AS existing
  ON existing.period = fresh.period
  AND existing.date_id = fresh.date_id
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.metric_id = fresh.metric_id
SET
  existing.value_num = fresh.value_num,
  existing.numerator = fresh.numerator,
  existing.denominator = fresh.denominator,
  existing.sample_size = fresh.sample_size,
  existing.extra_json = fresh.extra_json,
  existing.computed_at = UTC_TIMESTAMP()
WHERE
  fresh.period <> 'D'
  AND (
    NOT (existing.value_num <=> fresh.value_num)
    OR NOT (existing.numerator <=> fresh.numerator)
    OR NOT (existing.denominator <=> fresh.denominator)
    OR NOT (existing.sample_size <=> fresh.sample_size)
    OR NOT (existing.extra_json <=> fresh.extra_json)
  );

-- step: kpi_value: insert missing
INSERT INTO kpi_value (period, date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json, computed_at)
SELECT
  fresh.period,
  fresh.date_id,
  fresh.scope_id,
  fresh.target_id,
  fresh.metric_id,
  fresh.value_num,
  fresh.numerator,
  fresh.denominator,
  fresh.sample_size,
  fresh.extra_json,
  UTC_TIMESTAMP()
FROM fresh_kpi_value AS fresh
LEFT JOIN kpi_value AS existing
  ON existing.period = fresh.period
  AND existing.date_id = fresh.date_id
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.metric_id = fresh.metric_id
WHERE
  fresh.period <> 'D'
  AND existing.metric_id IS NULL;

-- step: kpi_value: delete vanished
DELETE existing
FROM cell_kpi_value AS cell
INNER JOIN kpi_value AS existing
  ON existing.period = cell.period
  AND existing.date_id = cell.date_id
  AND existing.scope_id = cell.scope_id
  AND existing.target_id = cell.target_id
  AND existing.metric_id = cell.metric_id
LEFT JOIN fresh_kpi_value AS fresh
  ON fresh.period = cell.period
  AND fresh.date_id = cell.date_id
  AND fresh.scope_id = cell.scope_id
  AND fresh.target_id = cell.target_id
  AND fresh.metric_id = cell.metric_id
WHERE
  cell.period <> 'D'
  AND fresh.metric_id IS NULL;

-- step: kpi_state_count: cells
INSERT INTO cell_kpi_state_count (period, date_id, scope_id, target_id, domain, state_code)
SELECT
  touched.period,
  touched.date_id,
  difference.scope_id,
  difference.target_id,
  difference.domain,
  difference.state_code
FROM (
  SELECT
    scope_id,
    target_id,
    domain,
    state_code
  FROM stage_state
  GROUP BY scope_id, target_id, domain, state_code
  HAVING SUM(sign * n) <> 0
) AS difference
CROSS JOIN (
  SELECT
    'D' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) AS since
  UNION ALL
  SELECT
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
) AS touched;

-- step: kpi_state_count: D, W, M
-- A state has the order that the day's rows give it; one that no row has yet, its learners'.
INSERT INTO fresh_kpi_state_count (period, date_id, scope_id, target_id, domain, state_code, state_ordre, count)
SELECT
  touched.period,
  touched.date_id,
  total.scope_id,
  total.target_id,
  total.domain,
  total.state_code,
  total.state_ordre,
  total.n
FROM (
  SELECT
    difference.scope_id,
    difference.target_id,
    difference.domain,
    difference.state_code,
    stage_state_order.highest AS state_ordre,
    COALESCE(kept.count, 0) + difference.n AS n
  FROM (
    SELECT
      scope_id,
      target_id,
      domain,
      state_code,
      SUM(sign * n) AS n
    FROM stage_state
    GROUP BY scope_id, target_id, domain, state_code
    HAVING SUM(sign * n) <> 0
  ) AS difference
  INNER JOIN (
    SELECT
      domain,
      state_code,
      MAX(highest) AS highest
    FROM stage_state_order
    GROUP BY domain, state_code
  ) AS stage_state_order
    ON stage_state_order.domain = difference.domain
    AND stage_state_order.state_code = difference.state_code
  LEFT JOIN kpi_state_count AS kept
    ON kept.date_id = %(as_of)s
    AND kept.period = 'D'
    AND kept.scope_id = difference.scope_id
    AND kept.target_id = difference.target_id
    AND kept.domain = difference.domain
    AND kept.state_code = difference.state_code
) AS total
CROSS JOIN (
  SELECT
    'D' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) AS since
  UNION ALL
  SELECT
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
) AS touched
WHERE total.n > 0;

-- step: kpi_state_count: count existing
SELECT
  (SELECT COUNT(*) FROM cell_kpi_state_count) AS touched,
  COUNT(*) AS held,
  COUNT(existing.state_code) AS existing
FROM fresh_kpi_state_count AS fresh
LEFT JOIN kpi_state_count AS existing
  ON existing.period = fresh.period
  AND existing.date_id = fresh.date_id
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.domain = fresh.domain
  AND existing.state_code = fresh.state_code;

-- step: kpi_state_count: update differences
UPDATE fresh_kpi_state_count AS fresh
INNER JOIN kpi_state_count AS existing
  ON existing.period = fresh.period
  AND existing.date_id = fresh.date_id
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.domain = fresh.domain
  AND existing.state_code = fresh.state_code
SET
  existing.state_ordre = fresh.state_ordre,
  existing.count = fresh.count
WHERE
  (
    NOT (existing.state_ordre <=> fresh.state_ordre)
    OR NOT (existing.count <=> fresh.count)
  );

-- step: kpi_state_count: insert missing
INSERT INTO kpi_state_count (period, date_id, scope_id, target_id, domain, state_code, state_ordre, count)
SELECT
  fresh.period,
  fresh.date_id,
  fresh.scope_id,
  fresh.target_id,
  fresh.domain,
  fresh.state_code,
  fresh.state_ordre,
  fresh.count
FROM fresh_kpi_state_count AS fresh
LEFT JOIN kpi_state_count AS existing
  ON existing.period = fresh.period
  AND existing.date_id = fresh.date_id
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.domain = fresh.domain
  AND existing.state_code = fresh.state_code
WHERE
  existing.state_code IS NULL;

-- step: kpi_state_count: delete vanished
DELETE existing
FROM cell_kpi_state_count AS cell
INNER JOIN kpi_state_count AS existing
  ON existing.period = cell.period
  AND existing.date_id = cell.date_id
  AND existing.scope_id = cell.scope_id
  AND existing.target_id = cell.target_id
  AND existing.domain = cell.domain
  AND existing.state_code = cell.state_code
LEFT JOIN fresh_kpi_state_count AS fresh
  ON fresh.period = cell.period
  AND fresh.date_id = cell.date_id
  AND fresh.scope_id = cell.scope_id
  AND fresh.target_id = cell.target_id
  AND fresh.domain = cell.domain
  AND fresh.state_code = cell.state_code
WHERE
  fresh.state_code IS NULL;

-- step: of kpi_percentiles.DELAI_ACQUIS_MICRO: D, W, M
INSERT INTO fresh_kpi_percentiles (period, date_id, measure_code, scope_id, target_id, p50, p75, p90, sample_size)
WITH part AS (
  SELECT
    ROW_NUMBER() OVER (ORDER BY listed.code, listed.period) AS part_no,
    listed.code,
    listed.period,
    listed.date_id,
    listed.since,
    calendar.utc_start
  FROM (
  SELECT
    'DELAI_ACQUIS_MICRO' AS figure,
    'DELAI_ACQUIS_MICRO' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'D' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_ACQUIS_MICRO' AS figure,
    'DELAI_ACQUIS_MICRO' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_ACQUIS_MICRO' AS figure,
    'DELAI_ACQUIS_MICRO' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
  ) AS listed
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id = GREATEST(listed.since, (SELECT MIN(kpi_time.date_id) FROM kpi_time))
)

SELECT
  told.period,
  told.date_id,
  told.code,
  figure.scope_id,
  figure.target_id,
  figure.p50,
  figure.p75,
  figure.p90,
  figure.sample_size
FROM (
/*
code: DELAI_ACQUIS_MICRO
label: "Délais d'acquisition des micro-compétences"
unit: jours
rollup: RECOMPUTE
description: >
  Median, 75th and 90th percentiles, by linear interpolation, of the time in days of 24 h from start to end of the
  micro-competences at or below the target that were finished within the period and are final at its end.
example: >
  Delays of 1, 2, 3 and 10 days: p50 = 2.5000, p75 = 4.7500, p90 = 7.9000, sample_size = 4.
*/
WITH realisation AS (
  SELECT
    history.learner_id,
    history.domain,
    history.ref_id,
    history.state_code,
    history.state_order,
    history.is_final,
    history.progress_pct,
    history.score,
    history.score_max,
    history.started_at,
    history.finished_at,
    history.last_activity_at,
    history.origin = 'RECONSTRUCTED' AS reconstructed,
    day.date_id AS first_day,
    day.date_id AS last_day
  FROM kpi_time AS day
  INNER JOIN kpi_src_realisation AS history FORCE INDEX (idx_finished)
    ON history.valid_to = '9999-12-31'
  WHERE
    day.date_id = %(as_of)s
    AND history.domain IN ('MICRO_COMPETENCE')
),

acquired AS (
  SELECT
    realisation.learner_id,
    realisation.domain,
    realisation.ref_id,
    CONCAT(realisation.learner_id, ':', realisation.ref_id) AS event_id,
    TIMESTAMPDIFF(MICROSECOND, realisation.started_at, realisation.finished_at) AS microseconds,
    realisation.reconstructed,
    realisation.finished_at AS happened_at,
    realisation.first_day,
    realisation.last_day
  FROM kpi_time AS window_start
  INNER JOIN kpi_time AS window_end
    ON window_end.date_id = %(as_of)s
  INNER JOIN realisation
    ON realisation.finished_at >= window_start.utc_start
    AND realisation.finished_at < window_end.utc_end
  WHERE
    window_start.date_id = (
      SELECT MIN(kpi_time.date_id)
      FROM kpi_time
      WHERE kpi_time.date_id >= LEAST(CAST(%(as_of)s AS DATE), CAST(%(week_first)s AS DATE), CAST(%(month_first)s AS DATE))
    )
    AND realisation.is_final = 1
    AND realisation.started_at IS NOT NULL
),

delay AS (
  SELECT
    learner_id,
    domain,
    ref_id,
    event_id,
    microseconds,
    reconstructed,
    happened_at,
    DATE '1900-01-01' AS first_day,
    DATE '9999-12-31' AS last_day
  FROM acquired
),

member AS (
  SELECT
    kpi_scope.id AS scope_id,
    kpi_scope.scope_type,
    membership.learner_id,
    day.date_id AS first_day,
    day.date_id AS last_day
  FROM kpi_time AS day
  INNER JOIN kpi_src_membership AS membership
    ON membership.valid_to = '9999-12-31'
    AND (membership.active_from IS NULL OR membership.active_from < day.utc_end)
    AND (membership.active_to IS NULL OR membership.active_to >= day.utc_end)
  INNER JOIN stage_delay_scope AS kpi_scope
    ON kpi_scope.scope_type = membership.scope_type
    AND kpi_scope.ref_key = membership.scope_ref_id
  WHERE day.date_id = %(as_of)s
),

event AS (
  SELECT /*+ NO_INDEX(closure) */
    delay.learner_id,
    closure.ancestor_id AS target_id,
    delay.event_id,
    delay.happened_at,
    delay.microseconds,
    delay.reconstructed
  FROM delay
  INNER JOIN stage_delay_closure AS closure
    ON closure.target_type = delay.domain
    AND closure.ref_id = delay.ref_id
    AND closure.ancestor_type IN ('GLOBAL', 'MODULE', 'COMPETENCE', 'MICRO_COMPETENCE')
    AND closure.figure = 'kpi_percentiles.DELAI_ACQUIS_MICRO'
),

sample AS (
  SELECT /*+ NO_MERGE(event) NO_MERGE(member) JOIN_ORDER(event, member, cell) NO_INDEX(cell) */
    member.scope_id,
    event.target_id,
    event.event_id,
    event.happened_at,
    event.microseconds,
    event.reconstructed
  FROM event
  INNER JOIN member
    ON member.learner_id = event.learner_id
  INNER JOIN stage_delay_cell AS cell
    ON cell.scope_id = member.scope_id
    AND cell.target_id = event.target_id
    AND cell.figure = 'kpi_percentiles.DELAI_ACQUIS_MICRO'
)
,

ranked AS (
  SELECT /*+ NO_MERGE(sample) */
    part_no, scope_id, target_id,
    microseconds,
    reconstructed,
    ROW_NUMBER() OVER (PARTITION BY part_no, scope_id, target_id ORDER BY microseconds) - 1 AS place,
    COUNT(*) OVER (PARTITION BY part_no, scope_id, target_id) AS n
  FROM sample
  INNER JOIN part
    ON part.utc_start <= sample.happened_at
)

SELECT
  part_no, scope_id, target_id,
  ROUND(
    SUM(
      CASE
        WHEN place = (n - 1) * 50 DIV 100
          THEN microseconds * (100 - MOD((n - 1) * 50, 100))
        WHEN place = (n - 1) * 50 DIV 100 + 1
          THEN microseconds * MOD((n - 1) * 50, 100)
        ELSE 0
      END
    ) * 1.00000000 / (86400000000 * 100),
    4
  ) AS p50,
  ROUND(
    SUM(
      CASE
        WHEN place = (n - 1) * 75 DIV 100
          THEN microseconds * (100 - MOD((n - 1) * 75, 100))
        WHEN place = (n - 1) * 75 DIV 100 + 1
          THEN microseconds * MOD((n - 1) * 75, 100)
        ELSE 0
      END
    ) * 1.00000000 / (86400000000 * 100),
    4
  ) AS p75,
  ROUND(
    SUM(
      CASE
        WHEN place = (n - 1) * 90 DIV 100
          THEN microseconds * (100 - MOD((n - 1) * 90, 100))
        WHEN place = (n - 1) * 90 DIV 100 + 1
          THEN microseconds * MOD((n - 1) * 90, 100)
        ELSE 0
      END
    ) * 1.00000000 / (86400000000 * 100),
    4
  ) AS p90,
  MAX(n) AS sample_size
FROM ranked
GROUP BY part_no, scope_id, target_id
) AS figure
INNER JOIN part AS told
  ON told.part_no = figure.part_no;

-- step: of kpi_percentiles.DELAI_FEEDBACK: D, W, M
INSERT INTO fresh_kpi_percentiles (period, date_id, measure_code, scope_id, target_id, p50, p75, p90, sample_size)
WITH part AS (
  SELECT
    ROW_NUMBER() OVER (ORDER BY listed.code, listed.period) AS part_no,
    listed.code,
    listed.period,
    listed.date_id,
    listed.since,
    calendar.utc_start
  FROM (
  SELECT
    'DELAI_FEEDBACK' AS figure,
    'DELAI_FEEDBACK' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'D' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_FEEDBACK' AS figure,
    'DELAI_FEEDBACK' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'DELAI_FEEDBACK' AS figure,
    'DELAI_FEEDBACK' AS code,
    'RECOMPUTE' AS rule,
    1 AS factor,
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
  ) AS listed
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id = GREATEST(listed.since, (SELECT MIN(kpi_time.date_id) FROM kpi_time))
)

SELECT
  told.period,
  told.date_id,
  told.code,
  figure.scope_id,
  figure.target_id,
  figure.p50,
  figure.p75,
  figure.p90,
  figure.sample_size
FROM (
/*
code: DELAI_FEEDBACK
label: "Délais de feedback"
unit: heures
rollup: RECOMPUTE
description: >
  Median, 75th and 90th percentiles, by linear interpolation, of the time in hours from a submission to its first feedback,
  over the feedback given within the period on targets at or under the target; a submission counts once per cell.
example: >
  Delays of 2 and 5 hours: p50 = 3.5000, p75 = 4.2500, p90 = 4.7000, sample_size = 2.
*/
WITH answered AS (
  SELECT
    feedback.learner_id,
    feedback.target_type AS domain,
    feedback.target_ref_id AS ref_id,
    CONCAT_WS(':', feedback.kind, feedback.submission_id, feedback.learner_id, feedback.captured_at) AS event_id,
    TIMESTAMPDIFF(MICROSECOND, feedback.submitted_at, feedback.feedback_at) AS microseconds,
    0 AS reconstructed,
    feedback.feedback_at AS happened_at
  FROM kpi_time AS window_start
  INNER JOIN kpi_time AS window_end
    ON window_end.date_id = %(as_of)s
  INNER JOIN kpi_src_feedback AS feedback
    ON feedback.feedback_at >= window_start.utc_start
    AND feedback.feedback_at < window_end.utc_end
  WHERE
    window_start.date_id = (
      SELECT MIN(kpi_time.date_id)
      FROM kpi_time
      WHERE kpi_time.date_id >= LEAST(CAST(%(as_of)s AS DATE), CAST(%(week_first)s AS DATE), CAST(%(month_first)s AS DATE))
    )
    AND feedback.submitted_at IS NOT NULL
),

delay AS (
  SELECT
    learner_id,
    domain,
    ref_id,
    event_id,
    microseconds,
    reconstructed,
    happened_at,
    DATE '1900-01-01' AS first_day,
    DATE '9999-12-31' AS last_day
  FROM answered
),

member AS (
  SELECT
    kpi_scope.id AS scope_id,
    kpi_scope.scope_type,
    membership.learner_id,
    day.date_id AS first_day,
    day.date_id AS last_day
  FROM kpi_time AS day
  INNER JOIN kpi_src_membership AS membership
    ON membership.valid_to = '9999-12-31'
    AND (membership.active_from IS NULL OR membership.active_from < day.utc_end)
    AND (membership.active_to IS NULL OR membership.active_to >= day.utc_end)
  INNER JOIN stage_delay_scope AS kpi_scope
    ON kpi_scope.scope_type = membership.scope_type
    AND kpi_scope.ref_key = membership.scope_ref_id
  WHERE day.date_id = %(as_of)s
),

event AS (
  SELECT /*+ NO_INDEX(closure) */
    delay.learner_id,
    closure.ancestor_id AS target_id,
    delay.event_id,
    delay.happened_at,
    delay.microseconds,
    delay.reconstructed
  FROM delay
  INNER JOIN stage_delay_closure AS closure
    ON closure.target_type = delay.domain
    AND closure.ref_id = delay.ref_id
    AND closure.ancestor_type IN ('GLOBAL', 'MODULE', 'COMPETENCE', 'MICRO_COMPETENCE')
    AND closure.figure = 'kpi_percentiles.DELAI_FEEDBACK'
),

sample AS (
  SELECT /*+ NO_MERGE(event) NO_MERGE(member) JOIN_ORDER(event, member, cell) NO_INDEX(cell) */ DISTINCT
    member.scope_id,
    event.target_id,
    event.event_id,
    event.happened_at,
    event.microseconds,
    event.reconstructed
  FROM event
  INNER JOIN member
    ON member.learner_id = event.learner_id
  INNER JOIN stage_delay_cell AS cell
    ON cell.scope_id = member.scope_id
    AND cell.target_id = event.target_id
    AND cell.figure = 'kpi_percentiles.DELAI_FEEDBACK'
)
,

ranked AS (
  SELECT /*+ NO_MERGE(sample) */
    part_no, scope_id, target_id,
    microseconds,
    reconstructed,
    ROW_NUMBER() OVER (PARTITION BY part_no, scope_id, target_id ORDER BY microseconds) - 1 AS place,
    COUNT(*) OVER (PARTITION BY part_no, scope_id, target_id) AS n
  FROM sample
  INNER JOIN part
    ON part.utc_start <= sample.happened_at
)

SELECT
  part_no, scope_id, target_id,
  ROUND(
    SUM(
      CASE
        WHEN place = (n - 1) * 50 DIV 100
          THEN microseconds * (100 - MOD((n - 1) * 50, 100))
        WHEN place = (n - 1) * 50 DIV 100 + 1
          THEN microseconds * MOD((n - 1) * 50, 100)
        ELSE 0
      END
    ) * 1.00000000 / (3600000000 * 100),
    4
  ) AS p50,
  ROUND(
    SUM(
      CASE
        WHEN place = (n - 1) * 75 DIV 100
          THEN microseconds * (100 - MOD((n - 1) * 75, 100))
        WHEN place = (n - 1) * 75 DIV 100 + 1
          THEN microseconds * MOD((n - 1) * 75, 100)
        ELSE 0
      END
    ) * 1.00000000 / (3600000000 * 100),
    4
  ) AS p75,
  ROUND(
    SUM(
      CASE
        WHEN place = (n - 1) * 90 DIV 100
          THEN microseconds * (100 - MOD((n - 1) * 90, 100))
        WHEN place = (n - 1) * 90 DIV 100 + 1
          THEN microseconds * MOD((n - 1) * 90, 100)
        ELSE 0
      END
    ) * 1.00000000 / (3600000000 * 100),
    4
  ) AS p90,
  MAX(n) AS sample_size
FROM ranked
GROUP BY part_no, scope_id, target_id
) AS figure
INNER JOIN part AS told
  ON told.part_no = figure.part_no;

-- step: kpi_percentiles: count existing
SELECT
  (SELECT COUNT(*) FROM cell_kpi_percentiles) AS touched,
  COUNT(*) AS held,
  COUNT(existing.measure_code) AS existing
FROM fresh_kpi_percentiles AS fresh
LEFT JOIN kpi_percentiles AS existing
  ON existing.period = fresh.period
  AND existing.date_id = fresh.date_id
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.measure_code = fresh.measure_code;

-- step: kpi_percentiles: update differences
UPDATE fresh_kpi_percentiles AS fresh
INNER JOIN kpi_percentiles AS existing
  ON existing.period = fresh.period
  AND existing.date_id = fresh.date_id
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.measure_code = fresh.measure_code
SET
  existing.p50 = fresh.p50,
  existing.p75 = fresh.p75,
  existing.p90 = fresh.p90,
  existing.sample_size = fresh.sample_size
WHERE
  (
    NOT (existing.p50 <=> fresh.p50)
    OR NOT (existing.p75 <=> fresh.p75)
    OR NOT (existing.p90 <=> fresh.p90)
    OR NOT (existing.sample_size <=> fresh.sample_size)
  );

-- step: kpi_percentiles: insert missing
INSERT INTO kpi_percentiles (period, date_id, scope_id, target_id, measure_code, p50, p75, p90, sample_size)
SELECT
  fresh.period,
  fresh.date_id,
  fresh.scope_id,
  fresh.target_id,
  fresh.measure_code,
  fresh.p50,
  fresh.p75,
  fresh.p90,
  fresh.sample_size
FROM fresh_kpi_percentiles AS fresh
LEFT JOIN kpi_percentiles AS existing
  ON existing.period = fresh.period
  AND existing.date_id = fresh.date_id
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.measure_code = fresh.measure_code
WHERE
  existing.measure_code IS NULL;

-- step: kpi_percentiles: delete vanished
DELETE existing
FROM cell_kpi_percentiles AS cell
INNER JOIN kpi_percentiles AS existing
  ON existing.period = cell.period
  AND existing.date_id = cell.date_id
  AND existing.scope_id = cell.scope_id
  AND existing.target_id = cell.target_id
  AND existing.measure_code = cell.measure_code
LEFT JOIN fresh_kpi_percentiles AS fresh
  ON fresh.period = cell.period
  AND fresh.date_id = cell.date_id
  AND fresh.scope_id = cell.scope_id
  AND fresh.target_id = cell.target_id
  AND fresh.measure_code = cell.measure_code
WHERE
  fresh.measure_code IS NULL;

-- step: of ECART_PLAN: cells of kpi_plan_gap
INSERT INTO cell_kpi_plan_gap (period, date_id, scope_id, target_id)
SELECT
  touched.period,
  touched.date_id,
  stage_total.scope_id,
  stage_total.target_id
FROM stage_total
CROSS JOIN (
  SELECT
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
) AS touched
WHERE stage_total.figure = 'ECART_PLAN';

-- step: of ECART_PLAN: W, M of kpi_plan_gap
INSERT INTO fresh_kpi_plan_gap (period, date_id, scope_id, target_id, expected_count, done_count)
SELECT
  touched.period,
  touched.date_id,
  stage_total.scope_id,
  stage_total.target_id,
  stage_total.part,
  stage_total.done
FROM stage_total
CROSS JOIN (
  SELECT
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
) AS touched
WHERE
  stage_total.figure = 'ECART_PLAN'
  AND stage_total.whole > 0;

-- step: kpi_plan_gap: count existing
SELECT
  (SELECT COUNT(*) FROM cell_kpi_plan_gap) AS touched,
  COUNT(*) AS held,
  COUNT(existing.target_id) AS existing
FROM fresh_kpi_plan_gap AS fresh
LEFT JOIN kpi_plan_gap AS existing
  ON existing.period = fresh.period
  AND existing.date_id = fresh.date_id
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id;

-- step: kpi_plan_gap: update differences
UPDATE fresh_kpi_plan_gap AS fresh
INNER JOIN kpi_plan_gap AS existing
  ON existing.period = fresh.period
  AND existing.date_id = fresh.date_id
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
SET
  existing.expected_count = fresh.expected_count,
  existing.done_count = fresh.done_count
WHERE
  (
    NOT (existing.expected_count <=> fresh.expected_count)
    OR NOT (existing.done_count <=> fresh.done_count)
  );

-- step: kpi_plan_gap: insert missing
INSERT INTO kpi_plan_gap (period, date_id, scope_id, target_id, expected_count, done_count)
SELECT
  fresh.period,
  fresh.date_id,
  fresh.scope_id,
  fresh.target_id,
  fresh.expected_count,
  fresh.done_count
FROM fresh_kpi_plan_gap AS fresh
LEFT JOIN kpi_plan_gap AS existing
  ON existing.period = fresh.period
  AND existing.date_id = fresh.date_id
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
WHERE
  existing.target_id IS NULL;

-- step: kpi_plan_gap: delete vanished
DELETE existing
FROM cell_kpi_plan_gap AS cell
INNER JOIN kpi_plan_gap AS existing
  ON existing.period = cell.period
  AND existing.date_id = cell.date_id
  AND existing.scope_id = cell.scope_id
  AND existing.target_id = cell.target_id
LEFT JOIN fresh_kpi_plan_gap AS fresh
  ON fresh.period = cell.period
  AND fresh.date_id = cell.date_id
  AND fresh.scope_id = cell.scope_id
  AND fresh.target_id = cell.target_id
WHERE
  fresh.target_id IS NULL;

-- step: kpi_tile_cache: cells
INSERT INTO cell_kpi_tile_cache (scope_id, target_id)
SELECT DISTINCT
  scope_id,
  target_id
FROM cell_kpi_value;

-- step: tiles
INSERT INTO fresh_kpi_tile_cache (scope_id, target_id, day_on, day_figures, week_on, week_figures, month_on, month_figures, rolling_on, rolling_figures)
WITH latest AS (
  SELECT
    'D' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) AS since
  UNION ALL
  SELECT
    'W' AS period,
    CAST(%(week_last)s AS DATE) AS date_id,
    CAST(%(week_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'M' AS period,
    CAST(%(month_last)s AS DATE) AS date_id,
    CAST(%(month_first)s AS DATE) AS since
  UNION ALL
  SELECT
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) AS since
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
  CROSS JOIN cell_kpi_tile_cache
  INNER JOIN kpi_value AS fact FORCE INDEX (uq_val)
    ON fact.date_id = latest.date_id
    AND fact.period = latest.period
    AND fact.scope_id = cell_kpi_tile_cache.scope_id
    AND fact.target_id = cell_kpi_tile_cache.target_id
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

-- step: kpi_tile_cache: count existing
SELECT
  (SELECT COUNT(*) FROM cell_kpi_tile_cache) AS touched,
  COUNT(*) AS held,
  COUNT(existing.target_id) AS existing
FROM fresh_kpi_tile_cache AS fresh
LEFT JOIN kpi_tile_cache AS existing
  ON existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id;

-- step: kpi_tile_cache: update differences
UPDATE fresh_kpi_tile_cache AS fresh
INNER JOIN kpi_tile_cache AS existing
  ON existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
SET
  existing.day_on = fresh.day_on,
  existing.day_figures = fresh.day_figures,
  existing.week_on = fresh.week_on,
  existing.week_figures = fresh.week_figures,
  existing.month_on = fresh.month_on,
  existing.month_figures = fresh.month_figures,
  existing.rolling_on = fresh.rolling_on,
  existing.rolling_figures = fresh.rolling_figures,
  existing.computed_at = UTC_TIMESTAMP()
WHERE
  (
    NOT (existing.day_on <=> fresh.day_on)
    OR NOT (existing.day_figures <=> fresh.day_figures)
    OR NOT (existing.week_on <=> fresh.week_on)
    OR NOT (existing.week_figures <=> fresh.week_figures)
    OR NOT (existing.month_on <=> fresh.month_on)
    OR NOT (existing.month_figures <=> fresh.month_figures)
    OR NOT (existing.rolling_on <=> fresh.rolling_on)
    OR NOT (existing.rolling_figures <=> fresh.rolling_figures)
  );

-- step: kpi_tile_cache: insert missing
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
FROM fresh_kpi_tile_cache AS fresh
LEFT JOIN kpi_tile_cache AS existing
  ON existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
WHERE
  existing.target_id IS NULL;

-- step: kpi_tile_cache: delete vanished
DELETE existing
FROM cell_kpi_tile_cache AS cell
INNER JOIN kpi_tile_cache AS existing
  ON existing.scope_id = cell.scope_id
  AND existing.target_id = cell.target_id
LEFT JOIN fresh_kpi_tile_cache AS fresh
  ON fresh.scope_id = cell.scope_id
  AND fresh.target_id = cell.target_id
WHERE
  fresh.target_id IS NULL;
