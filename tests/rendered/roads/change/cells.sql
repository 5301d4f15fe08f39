/*
Writes what changes of the open day, %(as_of)s, do to the cells that they touch, in all its periods: the day's exact sums and what the learners' change adds
to them (roads/change/before_and_after.sql) give the figures as on the day's own road; delays are looked at anew, for the touched cells alone.
For each table, cell_<table> lists the touched cells, and fresh_<table> what they hold now; a touched cell that has no such row is gone.
Dates: %(as_of)s today; %(week_first)s, %(week_last)s, %(month_first)s, %(month_last)s the period's first and last day; %(since)s the first day of the
longest period.
*/

-- step: totals | phase=create
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

-- step: delay cells | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_delay_cell (
  fact_table VARCHAR(64) NOT NULL,
  figure VARCHAR(64) NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  PRIMARY KEY (fact_table, figure, scope_id, target_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: delay closure | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_delay_closure (
  fact_table VARCHAR(64) NOT NULL,
  figure VARCHAR(64) NOT NULL,
  target_type ENUM('GLOBAL', 'MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE', 'REFERENTIEL') NOT NULL,
  ref_id BIGINT NOT NULL,
  ancestor_id BIGINT NOT NULL,
  ancestor_type ENUM('GLOBAL', 'MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE', 'REFERENTIEL') NOT NULL,
  PRIMARY KEY (fact_table, figure, target_type, ref_id, ancestor_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: delay scopes | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_delay_scope (
  id BIGINT NOT NULL PRIMARY KEY,
  scope_type ENUM('GLOBAL', 'SESSION', 'GROUPE', 'SOUS_GROUPE', 'FORMATEUR', 'APPRENANT') NOT NULL,
  ref_key BIGINT NOT NULL
) COLLATE utf8mb4_0900_ai_ci;

-- step: cells of kpi_value | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS cell_kpi_value (
  period ENUM('D', 'W', 'M', 'R') NOT NULL,
  date_id DATE NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  metric_id BIGINT NOT NULL,
  PRIMARY KEY (period, date_id, scope_id, target_id, metric_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: fresh_kpi_value | phase=create
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

-- step: cells of kpi_state_count | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS cell_kpi_state_count (
  period ENUM('D', 'W', 'M', 'R') NOT NULL,
  date_id DATE NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') NOT NULL,
  state_code VARCHAR(32) NOT NULL,
  PRIMARY KEY (period, date_id, scope_id, target_id, domain, state_code)
) COLLATE utf8mb4_0900_ai_ci;

-- step: fresh_kpi_state_count | phase=create
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

-- step: cells of kpi_percentiles | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS cell_kpi_percentiles (
  period ENUM('D', 'W', 'M', 'R') NOT NULL,
  date_id DATE NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  measure_code VARCHAR(64) NOT NULL,
  PRIMARY KEY (period, date_id, scope_id, target_id, measure_code)
) COLLATE utf8mb4_0900_ai_ci;

-- step: fresh_kpi_percentiles | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS fresh_kpi_percentiles (
  period ENUM('D', 'W', 'M', 'R') NOT NULL,
  date_id DATE NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  measure_code VARCHAR(64) NOT NULL,
  p50 DECIMAL(12, 4),
  p75 DECIMAL(12, 4),
  p90 DECIMAL(12, 4),
  sample_size INT,
  PRIMARY KEY (period, date_id, scope_id, target_id, measure_code)
) COLLATE utf8mb4_0900_ai_ci;

-- step: cells of kpi_plan_gap | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS cell_kpi_plan_gap (
  period ENUM('D', 'W', 'M', 'R') NOT NULL,
  date_id DATE NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  PRIMARY KEY (period, date_id, scope_id, target_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: fresh_kpi_plan_gap | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS fresh_kpi_plan_gap (
  period ENUM('D', 'W', 'M', 'R') NOT NULL,
  date_id DATE NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  expected_count INT,
  done_count INT,
  PRIMARY KEY (period, date_id, scope_id, target_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: cells of kpi_tile_cache | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS cell_kpi_tile_cache (
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  PRIMARY KEY (scope_id, target_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: fresh_kpi_tile_cache | phase=create
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
INSERT INTO stage_delay_cell (fact_table, figure, scope_id, target_id)
SELECT DISTINCT
  fact_table,
  figure,
  scope_id,
  target_id
FROM (
  SELECT
    fact_table,
    figure,
    scope_id,
    target_id
  FROM stage_delay
  GROUP BY fact_table, figure, scope_id, target_id, event_id, microseconds, reconstructed
  HAVING SUM(sign) <> 0
) AS difference;

-- step: delay closure
INSERT INTO stage_delay_closure (fact_table, figure, target_type, ref_id, ancestor_id, ancestor_type)
SELECT DISTINCT
  cell.fact_table,
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

-- step: touched figures | gives=touched
SELECT DISTINCT
  NULL AS fact_table,
  figure
FROM stage_total
UNION ALL
SELECT DISTINCT
  fact_table,
  figure
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

-- step: kpi_value: cells of delays | needs=kpi_value
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
  ON touched.figure = cell.figure
INNER JOIN kpi_metric
  ON kpi_metric.code = touched.code
WHERE cell.fact_table = 'kpi_value';

-- step: kpi_percentiles: cells | needs=kpi_percentiles
INSERT INTO cell_kpi_percentiles (period, date_id, scope_id, target_id, measure_code)
SELECT
  touched.period,
  touched.date_id,
  cell.scope_id,
  cell.target_id,
  cell.figure
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
WHERE cell.fact_table = 'kpi_percentiles';

-- step: INACTIVITE_7J: D | figure=INACTIVITE_7J needs=INACTIVITE_7J
INSERT INTO fresh_kpi_value (period, date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  'D',
  %(as_of)s,
  figure.scope_id,
  figure.target_id,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'INACTIVITE_7J'),
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

-- step: PCT_ACQUIS: D | figure=PCT_ACQUIS needs=PCT_ACQUIS
INSERT INTO fresh_kpi_value (period, date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  'D',
  %(as_of)s,
  figure.scope_id,
  figure.target_id,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'PCT_ACQUIS'),
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

-- step: PCT_COUVERTURE_UA: D | figure=PCT_COUVERTURE_UA needs=PCT_COUVERTURE_UA
INSERT INTO fresh_kpi_value (period, date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  'D',
  %(as_of)s,
  figure.scope_id,
  figure.target_id,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'PCT_COUVERTURE_UA'),
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

-- step: PROGRESSION_MOY: D | figure=PROGRESSION_MOY needs=PROGRESSION_MOY
INSERT INTO fresh_kpi_value (period, date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  'D',
  %(as_of)s,
  figure.scope_id,
  figure.target_id,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'PROGRESSION_MOY'),
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

-- step: DELAI_ACQUIS_MICRO: all periods | figure=DELAI_ACQUIS_MICRO needs=kpi_value.DELAI_ACQUIS_MICRO
INSERT INTO fresh_kpi_value (period, date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
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
  figure_part.period,
  figure_part.date_id,
  figure.scope_id,
  figure.target_id,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = figure_part.code),
  figure.value_num,
  figure.numerator,
  figure.denominator,
  figure.sample_size,
  IF(
    figure_part.period = 'D',
    figure.extra_json,
    JSON_MERGE_PATCH(
    COALESCE(figure.extra_json, JSON_OBJECT()),
    JSON_OBJECT('as_of', CAST(%(as_of)s AS CHAR), 'days', DATEDIFF(%(as_of)s, figure_part.since) + 1, 'complete', CAST(IF(%(as_of)s = figure_part.date_id, 'true', 'false') AS JSON))
  )
  )
FROM (
WITH member AS (
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

realisation AS (
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

event AS (
  /*
  code: DELAI_ACQUIS_MICRO
  label: Médiane délais acquisition micro
  label_en: Median time to acquire micro-competences
  unit: jours
  agg: MEDIAN
  counts: flow
  higher_is_better: false
  category: RYTHME
  target_levels: [MICRO_COMPETENCE]
  reads: {realisation: [MICRO_COMPETENCE]}
  rollup: RECOMPUTE
  rolling: {rule: RECOMPUTE, days: [7, 30]}
  description: >
    The median time, in days of 24 h, from start to end of the micro-competences finished within the period and final at its
    end.
  example: >
    Three learners finished a micro-competence today, after 1, 2 and 6 days: value_num = 2.0000, sample_size = 3.
  */
  SELECT
    learner_id,
    domain,
    ref_id,
    CONCAT(learner_id, ':', ref_id) AS event_id,
    started_at AS began_at,
    finished_at AS happened_at,
    reconstructed,
    first_day,
    last_day
  FROM realisation
  WHERE
    is_final = 1
    AND started_at IS NOT NULL
),

delay AS (
  SELECT
    event.learner_id,
    event.domain,
    event.ref_id,
    event.event_id,
    event.happened_at,
    TIMESTAMPDIFF(MICROSECOND, event.began_at, event.happened_at) AS microseconds,
    event.reconstructed
  FROM kpi_time AS window_start
  INNER JOIN kpi_time AS window_end
    ON window_end.date_id = %(as_of)s
  INNER JOIN event
    ON event.happened_at >= window_start.utc_start
    AND event.happened_at < window_end.utc_end
  WHERE
    window_start.date_id = (
      SELECT MIN(kpi_time.date_id)
      FROM kpi_time
      WHERE kpi_time.date_id >= %(since)s
    )
),

delay_under AS (
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
    AND closure.fact_table = 'kpi_value'
    AND closure.figure = 'DELAI_ACQUIS_MICRO'
),

sample_of_cells AS (
  SELECT /*+ NO_MERGE(delay_under) NO_MERGE(member) JOIN_ORDER(delay_under, member, cell) NO_INDEX(cell) */
    member.scope_id,
    delay_under.target_id,
    delay_under.event_id,
    delay_under.happened_at,
    delay_under.microseconds,
    delay_under.reconstructed
  FROM delay_under
  INNER JOIN member
    ON member.learner_id = delay_under.learner_id
  INNER JOIN stage_delay_cell AS cell
    ON cell.scope_id = member.scope_id
    AND cell.target_id = delay_under.target_id
    AND cell.fact_table = 'kpi_value'
    AND cell.figure = 'DELAI_ACQUIS_MICRO'
),

sample AS (
  SELECT /*+ NO_MERGE(sample_of_cells) */
    part.part_no,
    sample_of_cells.scope_id,
    sample_of_cells.target_id,
    sample_of_cells.microseconds,
    sample_of_cells.reconstructed
  FROM sample_of_cells
  INNER JOIN part
    ON part.utc_start <= sample_of_cells.happened_at
)

SELECT
  part_no,
  scope_id,
  target_id,
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
FROM (
  SELECT
    part_no,
    scope_id,
    target_id,
    microseconds,
    reconstructed,
    ROW_NUMBER() OVER (PARTITION BY part_no, scope_id, target_id ORDER BY microseconds) - 1 AS place,
    COUNT(*) OVER (PARTITION BY part_no, scope_id, target_id) AS n
  FROM sample
) AS ranked
GROUP BY part_no, scope_id, target_id
) AS figure
INNER JOIN part AS figure_part
  ON figure_part.part_no = figure.part_no;

-- step: DELAI_FEEDBACK: all periods | figure=DELAI_FEEDBACK needs=kpi_value.DELAI_FEEDBACK
INSERT INTO fresh_kpi_value (period, date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
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
  figure_part.period,
  figure_part.date_id,
  figure.scope_id,
  figure.target_id,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = figure_part.code),
  figure.value_num,
  figure.numerator,
  figure.denominator,
  figure.sample_size,
  IF(
    figure_part.period = 'D',
    figure.extra_json,
    JSON_MERGE_PATCH(
    COALESCE(figure.extra_json, JSON_OBJECT()),
    JSON_OBJECT('as_of', CAST(%(as_of)s AS CHAR), 'days', DATEDIFF(%(as_of)s, figure_part.since) + 1, 'complete', CAST(IF(%(as_of)s = figure_part.date_id, 'true', 'false') AS JSON))
  )
  )
FROM (
WITH member AS (
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

feedback AS (
  SELECT
    history.learner_id,
    history.kind,
    history.submission_id,
    history.target_type,
    history.target_ref_id,
    history.submitted_at,
    history.feedback_at,
    history.captured_at,
    0 AS reconstructed,
    DATE '1900-01-01' AS first_day,
    DATE '9999-12-31' AS last_day
  FROM kpi_src_feedback AS history
),

event AS (
  /*
  code: DELAI_FEEDBACK
  label: Médiane délais feedback
  label_en: Median time to feedback
  unit: heures
  agg: MEDIAN
  counts: flow
  higher_is_better: false
  category: FEEDBACK
  target_levels: [MODULE, COMPETENCE, MICRO_COMPETENCE]
  reads: {feedback: [MODULE, COMPETENCE, MICRO_COMPETENCE]}
  rollup: RECOMPUTE
  rolling: {rule: RECOMPUTE, days: [7, 30]}
  description: >
    The median time, in hours, from a submission to its first feedback, over the feedback given within the period on targets
    at or under the target. A submission counts once per scope and target, however many UAs its task hangs on.
  example: >
    Two submissions of a group on a module were answered today, after 2 and 5 hours: value_num = 3.5000, sample_size = 2.
  */
  SELECT
    learner_id,
    target_type AS domain,
    target_ref_id AS ref_id,
    CONCAT_WS(':', kind, submission_id, learner_id, captured_at) AS event_id,
    submitted_at AS began_at,
    feedback_at AS happened_at,
    reconstructed,
    first_day,
    last_day
  FROM feedback
  WHERE submitted_at IS NOT NULL
),

delay AS (
  SELECT
    event.learner_id,
    event.domain,
    event.ref_id,
    event.event_id,
    event.happened_at,
    TIMESTAMPDIFF(MICROSECOND, event.began_at, event.happened_at) AS microseconds,
    event.reconstructed
  FROM kpi_time AS window_start
  INNER JOIN kpi_time AS window_end
    ON window_end.date_id = %(as_of)s
  INNER JOIN event
    ON event.happened_at >= window_start.utc_start
    AND event.happened_at < window_end.utc_end
  WHERE
    window_start.date_id = (
      SELECT MIN(kpi_time.date_id)
      FROM kpi_time
      WHERE kpi_time.date_id >= %(since)s
    )
),

delay_under AS (
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
    AND closure.fact_table = 'kpi_value'
    AND closure.figure = 'DELAI_FEEDBACK'
),

sample_of_cells AS (
  SELECT /*+ NO_MERGE(delay_under) NO_MERGE(member) JOIN_ORDER(delay_under, member, cell) NO_INDEX(cell) */ DISTINCT
    member.scope_id,
    delay_under.target_id,
    delay_under.event_id,
    delay_under.happened_at,
    delay_under.microseconds,
    delay_under.reconstructed
  FROM delay_under
  INNER JOIN member
    ON member.learner_id = delay_under.learner_id
  INNER JOIN stage_delay_cell AS cell
    ON cell.scope_id = member.scope_id
    AND cell.target_id = delay_under.target_id
    AND cell.fact_table = 'kpi_value'
    AND cell.figure = 'DELAI_FEEDBACK'
),

sample AS (
  SELECT /*+ NO_MERGE(sample_of_cells) */
    part.part_no,
    sample_of_cells.scope_id,
    sample_of_cells.target_id,
    sample_of_cells.microseconds,
    sample_of_cells.reconstructed
  FROM sample_of_cells
  INNER JOIN part
    ON part.utc_start <= sample_of_cells.happened_at
)

SELECT
  part_no,
  scope_id,
  target_id,
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
FROM (
  SELECT
    part_no,
    scope_id,
    target_id,
    microseconds,
    reconstructed,
    ROW_NUMBER() OVER (PARTITION BY part_no, scope_id, target_id ORDER BY microseconds) - 1 AS place,
    COUNT(*) OVER (PARTITION BY part_no, scope_id, target_id) AS n
  FROM sample
) AS ranked
GROUP BY part_no, scope_id, target_id
) AS figure
INNER JOIN part AS figure_part
  ON figure_part.part_no = figure.part_no;

-- step: DELAI_ACQUIS_MICRO: all periods | figure=DELAI_ACQUIS_MICRO needs=kpi_percentiles.DELAI_ACQUIS_MICRO
INSERT INTO fresh_kpi_percentiles (period, date_id, scope_id, target_id, measure_code, p50, p75, p90, sample_size)
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
  figure_part.period,
  figure_part.date_id,
  figure.scope_id,
  figure.target_id,
  'DELAI_ACQUIS_MICRO',
  figure.p50,
  figure.p75,
  figure.p90,
  figure.sample_size
FROM (
WITH member AS (
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

realisation AS (
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

event AS (
  /*
  code: DELAI_ACQUIS_MICRO
  label: "Délais d'acquisition des micro-compétences"
  label_en: Time to acquire micro-competences
  unit: jours
  agg: PERCENTILE
  target_levels: [GLOBAL, MODULE, COMPETENCE, MICRO_COMPETENCE]
  reads: {realisation: [MICRO_COMPETENCE]}
  rollup: RECOMPUTE
  description: >
    Median, 75th and 90th percentiles, by linear interpolation, of the time in days of 24 h from start to end of the
    micro-competences at or below the target that were finished within the period and are final at its end.
  example: >
    Delays of 1, 2, 3 and 10 days: p50 = 2.5000, p75 = 4.7500, p90 = 7.9000, sample_size = 4.
  */
  SELECT
    learner_id,
    domain,
    ref_id,
    CONCAT(learner_id, ':', ref_id) AS event_id,
    started_at AS began_at,
    finished_at AS happened_at,
    reconstructed,
    first_day,
    last_day
  FROM realisation
  WHERE
    is_final = 1
    AND started_at IS NOT NULL
),

delay AS (
  SELECT
    event.learner_id,
    event.domain,
    event.ref_id,
    event.event_id,
    event.happened_at,
    TIMESTAMPDIFF(MICROSECOND, event.began_at, event.happened_at) AS microseconds,
    event.reconstructed
  FROM kpi_time AS window_start
  INNER JOIN kpi_time AS window_end
    ON window_end.date_id = %(as_of)s
  INNER JOIN event
    ON event.happened_at >= window_start.utc_start
    AND event.happened_at < window_end.utc_end
  WHERE
    window_start.date_id = (
      SELECT MIN(kpi_time.date_id)
      FROM kpi_time
      WHERE kpi_time.date_id >= %(since)s
    )
),

delay_under AS (
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
    AND closure.fact_table = 'kpi_percentiles'
    AND closure.figure = 'DELAI_ACQUIS_MICRO'
),

sample_of_cells AS (
  SELECT /*+ NO_MERGE(delay_under) NO_MERGE(member) JOIN_ORDER(delay_under, member, cell) NO_INDEX(cell) */
    member.scope_id,
    delay_under.target_id,
    delay_under.event_id,
    delay_under.happened_at,
    delay_under.microseconds,
    delay_under.reconstructed
  FROM delay_under
  INNER JOIN member
    ON member.learner_id = delay_under.learner_id
  INNER JOIN stage_delay_cell AS cell
    ON cell.scope_id = member.scope_id
    AND cell.target_id = delay_under.target_id
    AND cell.fact_table = 'kpi_percentiles'
    AND cell.figure = 'DELAI_ACQUIS_MICRO'
),

sample AS (
  SELECT /*+ NO_MERGE(sample_of_cells) */
    part.part_no,
    sample_of_cells.scope_id,
    sample_of_cells.target_id,
    sample_of_cells.microseconds,
    sample_of_cells.reconstructed
  FROM sample_of_cells
  INNER JOIN part
    ON part.utc_start <= sample_of_cells.happened_at
)

SELECT
  part_no,
  scope_id,
  target_id,
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
FROM (
  SELECT
    part_no,
    scope_id,
    target_id,
    microseconds,
    reconstructed,
    ROW_NUMBER() OVER (PARTITION BY part_no, scope_id, target_id ORDER BY microseconds) - 1 AS place,
    COUNT(*) OVER (PARTITION BY part_no, scope_id, target_id) AS n
  FROM sample
) AS ranked
GROUP BY part_no, scope_id, target_id
) AS figure
INNER JOIN part AS figure_part
  ON figure_part.part_no = figure.part_no;

-- step: DELAI_FEEDBACK: all periods | figure=DELAI_FEEDBACK needs=kpi_percentiles.DELAI_FEEDBACK
INSERT INTO fresh_kpi_percentiles (period, date_id, scope_id, target_id, measure_code, p50, p75, p90, sample_size)
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
  figure_part.period,
  figure_part.date_id,
  figure.scope_id,
  figure.target_id,
  'DELAI_FEEDBACK',
  figure.p50,
  figure.p75,
  figure.p90,
  figure.sample_size
FROM (
WITH member AS (
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

feedback AS (
  SELECT
    history.learner_id,
    history.kind,
    history.submission_id,
    history.target_type,
    history.target_ref_id,
    history.submitted_at,
    history.feedback_at,
    history.captured_at,
    0 AS reconstructed,
    DATE '1900-01-01' AS first_day,
    DATE '9999-12-31' AS last_day
  FROM kpi_src_feedback AS history
),

event AS (
  /*
  code: DELAI_FEEDBACK
  label: "Délais de feedback"
  label_en: Time to feedback
  unit: heures
  agg: PERCENTILE
  target_levels: [GLOBAL, MODULE, COMPETENCE, MICRO_COMPETENCE]
  reads: {feedback: [MODULE, COMPETENCE, MICRO_COMPETENCE]}
  rollup: RECOMPUTE
  description: >
    Median, 75th and 90th percentiles, by linear interpolation, of the time in hours from a submission to its first feedback,
    over the feedback given within the period on targets at or under the target; a submission counts once per cell.
  example: >
    Delays of 2 and 5 hours: p50 = 3.5000, p75 = 4.2500, p90 = 4.7000, sample_size = 2.
  */
  SELECT
    learner_id,
    target_type AS domain,
    target_ref_id AS ref_id,
    CONCAT_WS(':', kind, submission_id, learner_id, captured_at) AS event_id,
    submitted_at AS began_at,
    feedback_at AS happened_at,
    reconstructed,
    first_day,
    last_day
  FROM feedback
  WHERE submitted_at IS NOT NULL
),

delay AS (
  SELECT
    event.learner_id,
    event.domain,
    event.ref_id,
    event.event_id,
    event.happened_at,
    TIMESTAMPDIFF(MICROSECOND, event.began_at, event.happened_at) AS microseconds,
    event.reconstructed
  FROM kpi_time AS window_start
  INNER JOIN kpi_time AS window_end
    ON window_end.date_id = %(as_of)s
  INNER JOIN event
    ON event.happened_at >= window_start.utc_start
    AND event.happened_at < window_end.utc_end
  WHERE
    window_start.date_id = (
      SELECT MIN(kpi_time.date_id)
      FROM kpi_time
      WHERE kpi_time.date_id >= %(since)s
    )
),

delay_under AS (
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
    AND closure.fact_table = 'kpi_percentiles'
    AND closure.figure = 'DELAI_FEEDBACK'
),

sample_of_cells AS (
  SELECT /*+ NO_MERGE(delay_under) NO_MERGE(member) JOIN_ORDER(delay_under, member, cell) NO_INDEX(cell) */ DISTINCT
    member.scope_id,
    delay_under.target_id,
    delay_under.event_id,
    delay_under.happened_at,
    delay_under.microseconds,
    delay_under.reconstructed
  FROM delay_under
  INNER JOIN member
    ON member.learner_id = delay_under.learner_id
  INNER JOIN stage_delay_cell AS cell
    ON cell.scope_id = member.scope_id
    AND cell.target_id = delay_under.target_id
    AND cell.fact_table = 'kpi_percentiles'
    AND cell.figure = 'DELAI_FEEDBACK'
),

sample AS (
  SELECT /*+ NO_MERGE(sample_of_cells) */
    part.part_no,
    sample_of_cells.scope_id,
    sample_of_cells.target_id,
    sample_of_cells.microseconds,
    sample_of_cells.reconstructed
  FROM sample_of_cells
  INNER JOIN part
    ON part.utc_start <= sample_of_cells.happened_at
)

SELECT
  part_no,
  scope_id,
  target_id,
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
FROM (
  SELECT
    part_no,
    scope_id,
    target_id,
    microseconds,
    reconstructed,
    ROW_NUMBER() OVER (PARTITION BY part_no, scope_id, target_id ORDER BY microseconds) - 1 AS place,
    COUNT(*) OVER (PARTITION BY part_no, scope_id, target_id) AS n
  FROM sample
) AS ranked
GROUP BY part_no, scope_id, target_id
) AS figure
INNER JOIN part AS figure_part
  ON figure_part.part_no = figure.part_no;

-- step: kpi_value day: count | phase=write table=kpi_value part=day does=count
SELECT
  (
    SELECT COUNT(*)
    FROM cell_kpi_value AS cell
    INNER JOIN kpi_value AS existing
      ON existing.period = cell.period
      AND existing.date_id = cell.date_id
      AND existing.scope_id = cell.scope_id
      AND existing.target_id = cell.target_id
      AND existing.metric_id = cell.metric_id
    WHERE
      cell.period = 'D'
  ) AS n_stored,
  COUNT(*) AS n_staged,
  COUNT(same.metric_id) AS n_matched
FROM fresh_kpi_value AS fresh
LEFT JOIN kpi_value AS same
  ON same.date_id = fresh.date_id
  AND same.period = fresh.period
  AND same.scope_id = fresh.scope_id
  AND same.target_id = fresh.target_id
  AND same.metric_id = fresh.metric_id
WHERE fresh.period = 'D';

-- step: kpi_value day: update differences | phase=write table=kpi_value part=day does=update
UPDATE /*+ NO_MERGE(new) */ kpi_value AS stale
INNER JOIN (
  SELECT
    fresh.date_id,
    fresh.period,
    fresh.scope_id,
    fresh.target_id,
    fresh.metric_id,
    fresh.value_num,
    fresh.numerator,
    fresh.denominator,
    fresh.sample_size,
    fresh.extra_json
  FROM fresh_kpi_value AS fresh
  INNER JOIN kpi_value AS existing
    ON existing.date_id = fresh.date_id
    AND existing.period = fresh.period
    AND existing.scope_id = fresh.scope_id
    AND existing.target_id = fresh.target_id
    AND existing.metric_id = fresh.metric_id
  WHERE
    fresh.period = 'D'
    AND NOT (
      existing.value_num <=> fresh.value_num
      AND existing.numerator <=> fresh.numerator
      AND existing.denominator <=> fresh.denominator
      AND existing.sample_size <=> fresh.sample_size
      AND existing.extra_json <=> fresh.extra_json
    )
) AS new
  ON stale.date_id = new.date_id
  AND stale.period = new.period
  AND stale.scope_id = new.scope_id
  AND stale.target_id = new.target_id
  AND stale.metric_id = new.metric_id
SET
  stale.value_num = new.value_num,
  stale.numerator = new.numerator,
  stale.denominator = new.denominator,
  stale.sample_size = new.sample_size,
  stale.extra_json = new.extra_json,
  stale.computed_at = UTC_TIMESTAMP();

-- step: kpi_value day: insert missing | phase=write table=kpi_value part=day does=insert
INSERT INTO kpi_value (date_id, period, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json, computed_at)
SELECT
  fresh.date_id,
  fresh.period,
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
  ON existing.date_id = fresh.date_id
  AND existing.period = fresh.period
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.metric_id = fresh.metric_id
WHERE
  fresh.period = 'D'
  AND existing.metric_id IS NULL;

-- step: kpi_value day: delete vanished | phase=write table=kpi_value part=day does=delete
DELETE existing
FROM cell_kpi_value AS cell
INNER JOIN kpi_value AS existing
  ON existing.period = cell.period
  AND existing.date_id = cell.date_id
  AND existing.scope_id = cell.scope_id
  AND existing.target_id = cell.target_id
  AND existing.metric_id = cell.metric_id
LEFT JOIN fresh_kpi_value AS fresh
  ON fresh.date_id = existing.date_id
  AND fresh.period = existing.period
  AND fresh.scope_id = existing.scope_id
  AND fresh.target_id = existing.target_id
  AND fresh.metric_id = existing.metric_id
WHERE
  cell.period = 'D'
  AND fresh.metric_id IS NULL;

-- step: W, M, R: the day's figures (LAST, RECOMPUTE)
INSERT INTO fresh_kpi_value (period, date_id, metric_id, scope_id, target_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  touched.period,
  touched.date_id,
  written_metric.id,
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
INNER JOIN kpi_metric AS written_metric
  ON written_metric.code = touched.code;

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

span AS (
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
    span.code,
    span.rule,
    span.factor,
    span.period,
    span.date_id,
    span.days,
    span.is_complete,
    fact.scope_id,
    fact.target_id,
    SUM(fact.value_num) AS value_num,
    SUM(fact.numerator) AS numerator,
    SUM(fact.denominator) AS denominator,
    SUM(fact.value_num * fact.sample_size) AS weighted,
    SUM(fact.sample_size) AS whole,
    SUM(COALESCE(CAST(fact.extra_json ->> '$.reconstructed' AS SIGNED), 0)) AS reconstructed
  FROM stage_total
  INNER JOIN span
    ON span.figure = stage_total.figure
  INNER JOIN kpi_metric
    ON kpi_metric.code = stage_total.figure
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id >= span.since
    AND calendar.date_id <= %(as_of)s
  INNER JOIN kpi_value AS fact
    ON fact.date_id = calendar.date_id
    AND fact.period = 'D'
    AND fact.scope_id = stage_total.scope_id
    AND fact.target_id = stage_total.target_id
    AND fact.metric_id = kpi_metric.id
  GROUP BY
    span.code, span.rule, span.factor, span.period, span.date_id, span.days, span.is_complete, fact.scope_id, fact.target_id
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

-- step: kpi_value periods: count | phase=write table=kpi_value part=periods does=count
SELECT
  (
    SELECT COUNT(*)
    FROM cell_kpi_value AS cell
    INNER JOIN kpi_value AS existing
      ON existing.period = cell.period
      AND existing.date_id = cell.date_id
      AND existing.scope_id = cell.scope_id
      AND existing.target_id = cell.target_id
      AND existing.metric_id = cell.metric_id
    WHERE
      cell.period <> 'D'
  ) AS n_stored,
  COUNT(*) AS n_staged,
  COUNT(same.metric_id) AS n_matched
FROM fresh_kpi_value AS fresh
LEFT JOIN kpi_value AS same
  ON same.date_id = fresh.date_id
  AND same.period = fresh.period
  AND same.scope_id = fresh.scope_id
  AND same.target_id = fresh.target_id
  AND same.metric_id = fresh.metric_id
WHERE fresh.period <> 'D';

-- step: kpi_value periods: update differences | phase=write table=kpi_value part=periods does=update
UPDATE /*+ NO_MERGE(new) */ kpi_value AS stale
INNER JOIN (
  SELECT
    fresh.date_id,
    fresh.period,
    fresh.scope_id,
    fresh.target_id,
    fresh.metric_id,
    fresh.value_num,
    fresh.numerator,
    fresh.denominator,
    fresh.sample_size,
    fresh.extra_json
  FROM fresh_kpi_value AS fresh
  INNER JOIN kpi_value AS existing
    ON existing.date_id = fresh.date_id
    AND existing.period = fresh.period
    AND existing.scope_id = fresh.scope_id
    AND existing.target_id = fresh.target_id
    AND existing.metric_id = fresh.metric_id
  WHERE
    fresh.period <> 'D'
    AND NOT (
      existing.value_num <=> fresh.value_num
      AND existing.numerator <=> fresh.numerator
      AND existing.denominator <=> fresh.denominator
      AND existing.sample_size <=> fresh.sample_size
      AND existing.extra_json <=> fresh.extra_json
    )
) AS new
  ON stale.date_id = new.date_id
  AND stale.period = new.period
  AND stale.scope_id = new.scope_id
  AND stale.target_id = new.target_id
  AND stale.metric_id = new.metric_id
SET
  stale.value_num = new.value_num,
  stale.numerator = new.numerator,
  stale.denominator = new.denominator,
  stale.sample_size = new.sample_size,
  stale.extra_json = new.extra_json,
  stale.computed_at = UTC_TIMESTAMP();

-- step: kpi_value periods: insert missing | phase=write table=kpi_value part=periods does=insert
INSERT INTO kpi_value (date_id, period, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json, computed_at)
SELECT
  fresh.date_id,
  fresh.period,
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
  ON existing.date_id = fresh.date_id
  AND existing.period = fresh.period
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.metric_id = fresh.metric_id
WHERE
  fresh.period <> 'D'
  AND existing.metric_id IS NULL;

-- step: kpi_value periods: delete vanished | phase=write table=kpi_value part=periods does=delete
DELETE existing
FROM cell_kpi_value AS cell
INNER JOIN kpi_value AS existing
  ON existing.period = cell.period
  AND existing.date_id = cell.date_id
  AND existing.scope_id = cell.scope_id
  AND existing.target_id = cell.target_id
  AND existing.metric_id = cell.metric_id
LEFT JOIN fresh_kpi_value AS fresh
  ON fresh.date_id = existing.date_id
  AND fresh.period = existing.period
  AND fresh.scope_id = existing.scope_id
  AND fresh.target_id = existing.target_id
  AND fresh.metric_id = existing.metric_id
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

-- step: kpi_state_count: count | phase=write table=kpi_state_count does=count
SELECT
  (
    SELECT COUNT(*)
    FROM cell_kpi_state_count AS cell
    INNER JOIN kpi_state_count AS existing
      ON existing.period = cell.period
      AND existing.date_id = cell.date_id
      AND existing.scope_id = cell.scope_id
      AND existing.target_id = cell.target_id
      AND existing.domain = cell.domain
      AND existing.state_code = cell.state_code
  ) AS n_stored,
  COUNT(*) AS n_staged,
  COUNT(same.state_code) AS n_matched
FROM fresh_kpi_state_count AS fresh
LEFT JOIN kpi_state_count AS same
  ON same.date_id = fresh.date_id
  AND same.period = fresh.period
  AND same.scope_id = fresh.scope_id
  AND same.target_id = fresh.target_id
  AND same.domain = fresh.domain
  AND same.state_code = fresh.state_code;

-- step: kpi_state_count: update differences | phase=write table=kpi_state_count does=update
UPDATE /*+ NO_MERGE(new) */ kpi_state_count AS stale
INNER JOIN (
  SELECT
    fresh.date_id,
    fresh.period,
    fresh.scope_id,
    fresh.target_id,
    fresh.domain,
    fresh.state_code,
    fresh.state_ordre,
    fresh.count
  FROM fresh_kpi_state_count AS fresh
  INNER JOIN kpi_state_count AS existing
    ON existing.date_id = fresh.date_id
    AND existing.period = fresh.period
    AND existing.scope_id = fresh.scope_id
    AND existing.target_id = fresh.target_id
    AND existing.domain = fresh.domain
    AND existing.state_code = fresh.state_code
  WHERE
    NOT (
      existing.state_ordre <=> fresh.state_ordre
      AND existing.count <=> fresh.count
    )
) AS new
  ON stale.date_id = new.date_id
  AND stale.period = new.period
  AND stale.scope_id = new.scope_id
  AND stale.target_id = new.target_id
  AND stale.domain = new.domain
  AND stale.state_code = new.state_code
SET
  stale.state_ordre = new.state_ordre,
  stale.count = new.count;

-- step: kpi_state_count: insert missing | phase=write table=kpi_state_count does=insert
INSERT INTO kpi_state_count (date_id, period, scope_id, target_id, domain, state_code, state_ordre, count)
SELECT
  fresh.date_id,
  fresh.period,
  fresh.scope_id,
  fresh.target_id,
  fresh.domain,
  fresh.state_code,
  fresh.state_ordre,
  fresh.count
FROM fresh_kpi_state_count AS fresh
LEFT JOIN kpi_state_count AS existing
  ON existing.date_id = fresh.date_id
  AND existing.period = fresh.period
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.domain = fresh.domain
  AND existing.state_code = fresh.state_code
WHERE
  existing.state_code IS NULL;

-- step: kpi_state_count: delete vanished | phase=write table=kpi_state_count does=delete
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
  ON fresh.date_id = existing.date_id
  AND fresh.period = existing.period
  AND fresh.scope_id = existing.scope_id
  AND fresh.target_id = existing.target_id
  AND fresh.domain = existing.domain
  AND fresh.state_code = existing.state_code
WHERE
  fresh.state_code IS NULL;

-- step: kpi_percentiles: count | phase=write table=kpi_percentiles does=count
SELECT
  (
    SELECT COUNT(*)
    FROM cell_kpi_percentiles AS cell
    INNER JOIN kpi_percentiles AS existing
      ON existing.period = cell.period
      AND existing.date_id = cell.date_id
      AND existing.scope_id = cell.scope_id
      AND existing.target_id = cell.target_id
      AND existing.measure_code = cell.measure_code
  ) AS n_stored,
  COUNT(*) AS n_staged,
  COUNT(same.measure_code) AS n_matched
FROM fresh_kpi_percentiles AS fresh
LEFT JOIN kpi_percentiles AS same
  ON same.date_id = fresh.date_id
  AND same.period = fresh.period
  AND same.scope_id = fresh.scope_id
  AND same.target_id = fresh.target_id
  AND same.measure_code = fresh.measure_code;

-- step: kpi_percentiles: update differences | phase=write table=kpi_percentiles does=update
UPDATE /*+ NO_MERGE(new) */ kpi_percentiles AS stale
INNER JOIN (
  SELECT
    fresh.date_id,
    fresh.period,
    fresh.scope_id,
    fresh.target_id,
    fresh.measure_code,
    fresh.p50,
    fresh.p75,
    fresh.p90,
    fresh.sample_size
  FROM fresh_kpi_percentiles AS fresh
  INNER JOIN kpi_percentiles AS existing
    ON existing.date_id = fresh.date_id
    AND existing.period = fresh.period
    AND existing.scope_id = fresh.scope_id
    AND existing.target_id = fresh.target_id
    AND existing.measure_code = fresh.measure_code
  WHERE
    NOT (
      existing.p50 <=> fresh.p50
      AND existing.p75 <=> fresh.p75
      AND existing.p90 <=> fresh.p90
      AND existing.sample_size <=> fresh.sample_size
    )
) AS new
  ON stale.date_id = new.date_id
  AND stale.period = new.period
  AND stale.scope_id = new.scope_id
  AND stale.target_id = new.target_id
  AND stale.measure_code = new.measure_code
SET
  stale.p50 = new.p50,
  stale.p75 = new.p75,
  stale.p90 = new.p90,
  stale.sample_size = new.sample_size;

-- step: kpi_percentiles: insert missing | phase=write table=kpi_percentiles does=insert
INSERT INTO kpi_percentiles (date_id, period, scope_id, target_id, measure_code, p50, p75, p90, sample_size)
SELECT
  fresh.date_id,
  fresh.period,
  fresh.scope_id,
  fresh.target_id,
  fresh.measure_code,
  fresh.p50,
  fresh.p75,
  fresh.p90,
  fresh.sample_size
FROM fresh_kpi_percentiles AS fresh
LEFT JOIN kpi_percentiles AS existing
  ON existing.date_id = fresh.date_id
  AND existing.period = fresh.period
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.measure_code = fresh.measure_code
WHERE
  existing.measure_code IS NULL;

-- step: kpi_percentiles: delete vanished | phase=write table=kpi_percentiles does=delete
DELETE existing
FROM cell_kpi_percentiles AS cell
INNER JOIN kpi_percentiles AS existing
  ON existing.period = cell.period
  AND existing.date_id = cell.date_id
  AND existing.scope_id = cell.scope_id
  AND existing.target_id = cell.target_id
  AND existing.measure_code = cell.measure_code
LEFT JOIN fresh_kpi_percentiles AS fresh
  ON fresh.date_id = existing.date_id
  AND fresh.period = existing.period
  AND fresh.scope_id = existing.scope_id
  AND fresh.target_id = existing.target_id
  AND fresh.measure_code = existing.measure_code
WHERE
  fresh.measure_code IS NULL;

-- step: ECART_PLAN: cells of kpi_plan_gap | figure=ECART_PLAN needs=ECART_PLAN
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

-- step: ECART_PLAN: all periods | figure=ECART_PLAN needs=ECART_PLAN
INSERT INTO fresh_kpi_plan_gap (period, date_id, scope_id, target_id, expected_count, done_count)
SELECT
  touched.period,
  touched.date_id,
  figure.scope_id,
  figure.target_id,
  figure.expected_count,
  figure.done_count
FROM (
WITH scope_sum AS (
  SELECT
    scope_id,
    target_id,
    part,
    done,
    whole
  FROM stage_total
  WHERE
    figure = 'ECART_PLAN'
    AND whole > 0
)

SELECT
  scope_id,
  target_id,
  part AS expected_count,
  done AS done_count
FROM scope_sum
) AS figure
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
) AS touched;

-- step: kpi_plan_gap: count | phase=write table=kpi_plan_gap does=count
SELECT
  (
    SELECT COUNT(*)
    FROM cell_kpi_plan_gap AS cell
    INNER JOIN kpi_plan_gap AS existing
      ON existing.period = cell.period
      AND existing.date_id = cell.date_id
      AND existing.scope_id = cell.scope_id
      AND existing.target_id = cell.target_id
  ) AS n_stored,
  COUNT(*) AS n_staged,
  COUNT(same.target_id) AS n_matched
FROM fresh_kpi_plan_gap AS fresh
LEFT JOIN kpi_plan_gap AS same
  ON same.date_id = fresh.date_id
  AND same.period = fresh.period
  AND same.scope_id = fresh.scope_id
  AND same.target_id = fresh.target_id;

-- step: kpi_plan_gap: update differences | phase=write table=kpi_plan_gap does=update
UPDATE /*+ NO_MERGE(new) */ kpi_plan_gap AS stale
INNER JOIN (
  SELECT
    fresh.date_id,
    fresh.period,
    fresh.scope_id,
    fresh.target_id,
    fresh.expected_count,
    fresh.done_count
  FROM fresh_kpi_plan_gap AS fresh
  INNER JOIN kpi_plan_gap AS existing
    ON existing.date_id = fresh.date_id
    AND existing.period = fresh.period
    AND existing.scope_id = fresh.scope_id
    AND existing.target_id = fresh.target_id
  WHERE
    NOT (
      existing.expected_count <=> fresh.expected_count
      AND existing.done_count <=> fresh.done_count
    )
) AS new
  ON stale.date_id = new.date_id
  AND stale.period = new.period
  AND stale.scope_id = new.scope_id
  AND stale.target_id = new.target_id
SET
  stale.expected_count = new.expected_count,
  stale.done_count = new.done_count;

-- step: kpi_plan_gap: insert missing | phase=write table=kpi_plan_gap does=insert
INSERT INTO kpi_plan_gap (date_id, period, scope_id, target_id, expected_count, done_count)
SELECT
  fresh.date_id,
  fresh.period,
  fresh.scope_id,
  fresh.target_id,
  fresh.expected_count,
  fresh.done_count
FROM fresh_kpi_plan_gap AS fresh
LEFT JOIN kpi_plan_gap AS existing
  ON existing.date_id = fresh.date_id
  AND existing.period = fresh.period
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
WHERE
  existing.target_id IS NULL;

-- step: kpi_plan_gap: delete vanished | phase=write table=kpi_plan_gap does=delete
DELETE existing
FROM cell_kpi_plan_gap AS cell
INNER JOIN kpi_plan_gap AS existing
  ON existing.period = cell.period
  AND existing.date_id = cell.date_id
  AND existing.scope_id = cell.scope_id
  AND existing.target_id = cell.target_id
LEFT JOIN fresh_kpi_plan_gap AS fresh
  ON fresh.date_id = existing.date_id
  AND fresh.period = existing.period
  AND fresh.scope_id = existing.scope_id
  AND fresh.target_id = existing.target_id
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

-- step: kpi_tile_cache: count | phase=write table=kpi_tile_cache does=count
SELECT
  (
    SELECT COUNT(*)
    FROM cell_kpi_tile_cache AS cell
    INNER JOIN kpi_tile_cache AS existing
      ON existing.scope_id = cell.scope_id
      AND existing.target_id = cell.target_id
  ) AS n_stored,
  COUNT(*) AS n_staged,
  COUNT(same.target_id) AS n_matched
FROM fresh_kpi_tile_cache AS fresh
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
  FROM fresh_kpi_tile_cache AS fresh
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
FROM fresh_kpi_tile_cache AS fresh
LEFT JOIN kpi_tile_cache AS existing
  ON existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
WHERE
  existing.target_id IS NULL;

-- step: kpi_tile_cache: delete vanished | phase=write table=kpi_tile_cache does=delete
DELETE existing
FROM cell_kpi_tile_cache AS cell
INNER JOIN kpi_tile_cache AS existing
  ON existing.scope_id = cell.scope_id
  AND existing.target_id = cell.target_id
LEFT JOIN fresh_kpi_tile_cache AS fresh
  ON fresh.scope_id = existing.scope_id
  AND fresh.target_id = existing.target_id
WHERE
  fresh.target_id IS NULL;
