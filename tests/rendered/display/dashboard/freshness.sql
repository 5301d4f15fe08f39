/*
Of each table and period: the last slice in the ledger, and the latest failure unless that slice, or a later one, was written since.
The key of the ledger gives both backwards by day.
*/
WITH slice AS (
  SELECT
    'kpi_value' AS table_name,
    'D' AS period,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_value'
        AND state = 'DONE'
        AND period = 'D'
      ORDER BY date_to DESC, id DESC
      LIMIT 1
    ) AS done_id,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_value'
        AND state = 'FAILED'
        AND period = 'D'
      ORDER BY id DESC
      LIMIT 1
    ) AS failed_id
  UNION ALL
  SELECT
    'kpi_value' AS table_name,
    'W' AS period,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_value'
        AND state = 'DONE'
        AND period = 'W'
      ORDER BY date_to DESC, id DESC
      LIMIT 1
    ) AS done_id,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_value'
        AND state = 'FAILED'
        AND period = 'W'
      ORDER BY id DESC
      LIMIT 1
    ) AS failed_id
  UNION ALL
  SELECT
    'kpi_value' AS table_name,
    'M' AS period,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_value'
        AND state = 'DONE'
        AND period = 'M'
      ORDER BY date_to DESC, id DESC
      LIMIT 1
    ) AS done_id,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_value'
        AND state = 'FAILED'
        AND period = 'M'
      ORDER BY id DESC
      LIMIT 1
    ) AS failed_id
  UNION ALL
  SELECT
    'kpi_value' AS table_name,
    'R' AS period,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_value'
        AND state = 'DONE'
        AND period = 'R'
      ORDER BY date_to DESC, id DESC
      LIMIT 1
    ) AS done_id,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_value'
        AND state = 'FAILED'
        AND period = 'R'
      ORDER BY id DESC
      LIMIT 1
    ) AS failed_id
  UNION ALL
  SELECT
    'kpi_state_count' AS table_name,
    'D' AS period,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_state_count'
        AND state = 'DONE'
        AND period = 'D'
      ORDER BY date_to DESC, id DESC
      LIMIT 1
    ) AS done_id,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_state_count'
        AND state = 'FAILED'
        AND period = 'D'
      ORDER BY id DESC
      LIMIT 1
    ) AS failed_id
  UNION ALL
  SELECT
    'kpi_state_count' AS table_name,
    'W' AS period,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_state_count'
        AND state = 'DONE'
        AND period = 'W'
      ORDER BY date_to DESC, id DESC
      LIMIT 1
    ) AS done_id,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_state_count'
        AND state = 'FAILED'
        AND period = 'W'
      ORDER BY id DESC
      LIMIT 1
    ) AS failed_id
  UNION ALL
  SELECT
    'kpi_state_count' AS table_name,
    'M' AS period,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_state_count'
        AND state = 'DONE'
        AND period = 'M'
      ORDER BY date_to DESC, id DESC
      LIMIT 1
    ) AS done_id,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_state_count'
        AND state = 'FAILED'
        AND period = 'M'
      ORDER BY id DESC
      LIMIT 1
    ) AS failed_id
  UNION ALL
  SELECT
    'kpi_percentiles' AS table_name,
    'D' AS period,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_percentiles'
        AND state = 'DONE'
        AND period = 'D'
      ORDER BY date_to DESC, id DESC
      LIMIT 1
    ) AS done_id,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_percentiles'
        AND state = 'FAILED'
        AND period = 'D'
      ORDER BY id DESC
      LIMIT 1
    ) AS failed_id
  UNION ALL
  SELECT
    'kpi_percentiles' AS table_name,
    'W' AS period,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_percentiles'
        AND state = 'DONE'
        AND period = 'W'
      ORDER BY date_to DESC, id DESC
      LIMIT 1
    ) AS done_id,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_percentiles'
        AND state = 'FAILED'
        AND period = 'W'
      ORDER BY id DESC
      LIMIT 1
    ) AS failed_id
  UNION ALL
  SELECT
    'kpi_percentiles' AS table_name,
    'M' AS period,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_percentiles'
        AND state = 'DONE'
        AND period = 'M'
      ORDER BY date_to DESC, id DESC
      LIMIT 1
    ) AS done_id,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_percentiles'
        AND state = 'FAILED'
        AND period = 'M'
      ORDER BY id DESC
      LIMIT 1
    ) AS failed_id
  UNION ALL
  SELECT
    'kpi_plan_gap' AS table_name,
    'W' AS period,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_plan_gap'
        AND state = 'DONE'
        AND period = 'W'
      ORDER BY date_to DESC, id DESC
      LIMIT 1
    ) AS done_id,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_plan_gap'
        AND state = 'FAILED'
        AND period = 'W'
      ORDER BY id DESC
      LIMIT 1
    ) AS failed_id
  UNION ALL
  SELECT
    'kpi_plan_gap' AS table_name,
    'M' AS period,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_plan_gap'
        AND state = 'DONE'
        AND period = 'M'
      ORDER BY date_to DESC, id DESC
      LIMIT 1
    ) AS done_id,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = 'kpi_plan_gap'
        AND state = 'FAILED'
        AND period = 'M'
      ORDER BY id DESC
      LIMIT 1
    ) AS failed_id
)

SELECT
  slice.table_name AS `table`,
  slice.period,
  done.date_to AS last_date,
  done.finished_at,
  IF(failed.id IS NULL, done.state, failed.state) AS state,
  done.rows_inserted + done.rows_updated + done.rows_unchanged AS `rows`,
  failed.message
FROM slice
LEFT JOIN kpi_run AS done
  ON done.id = slice.done_id
LEFT JOIN kpi_run AS failed
  ON failed.id = slice.failed_id
  AND NOT EXISTS (
    SELECT 1
    FROM kpi_run AS later
    WHERE
      later.table_name = failed.table_name
      AND later.state = 'DONE'
      AND later.period = failed.period
      AND later.date_to >= failed.date_to
      AND later.id > failed.id
  )
ORDER BY
  FIELD(slice.table_name, 'kpi_value', 'kpi_state_count', 'kpi_percentiles', 'kpi_plan_gap'),
  FIELD(slice.period, 'D', 'W', 'M', 'R')
