/*
What ledger and tables say of the days from %(first)s to %(last)s, and of the weeks and months that hold them: what kpi.upkeep.retention.guards
decides by.
*/
-- step: when days were changed last
SELECT
  date_to,
  MAX(finished_at) AS changed_at
FROM kpi_run
WHERE
  table_name IN ('kpi_value', 'kpi_state_count', 'kpi_percentiles')
  AND state = 'DONE'
  AND period = 'D'
  AND date_to >= %(first)s
  AND date_to <= %(last)s
  AND rows_inserted + rows_updated + rows_deleted > 0
GROUP BY date_to;

-- step: days with rows
SELECT day.date_id
FROM kpi_time AS day
WHERE
  day.date_id >= %(first)s
  AND day.date_id <= %(last)s
  AND (
    EXISTS (SELECT 1 FROM kpi_value AS fact WHERE fact.date_id = day.date_id AND fact.period = 'D')
    OR EXISTS (SELECT 1 FROM kpi_state_count AS fact WHERE fact.date_id = day.date_id AND fact.period = 'D')
    OR EXISTS (SELECT 1 FROM kpi_percentiles AS fact WHERE fact.date_id = day.date_id AND fact.period = 'D')
  );

-- step: rolled up
SELECT
  table_name,
  period,
  date_to,
  scopes,
  started_at,
  rows_inserted + rows_updated + rows_unchanged AS there,
  rows_inserted - rows_deleted AS added
FROM kpi_run
WHERE
  table_name IN ('kpi_value', 'kpi_state_count', 'kpi_percentiles', 'kpi_plan_gap')
  AND state = 'DONE'
  AND period IN ('W', 'M')
  AND date_to >= %(first)s
  AND date_to <= %(last)s
ORDER BY id;

-- step: removed
SELECT DISTINCT
  table_name,
  period,
  date_from
FROM kpi_run
WHERE
  state = 'DROPPED'
  AND table_name IN ('kpi_value', 'kpi_state_count', 'kpi_percentiles', 'kpi_plan_gap')
  AND period IN ('W', 'M')
  AND date_from < date_to
  AND date_to >= %(first)s
  AND date_from <= %(last)s;

-- step: weeks and months in kpi_value
SELECT
  period,
  date_id,
  COUNT(*) AS number_of_rows
FROM kpi_value
WHERE
  date_id IN (%(date_0)s, %(date_1)s)
  AND period IN ('W', 'M')
GROUP BY
  period,
  date_id;

-- step: weeks and months in kpi_state_count
SELECT
  period,
  date_id,
  COUNT(*) AS number_of_rows
FROM kpi_state_count
WHERE
  date_id IN (%(date_0)s, %(date_1)s)
  AND period IN ('W', 'M')
GROUP BY
  period,
  date_id;

-- step: weeks and months in kpi_percentiles
SELECT
  period,
  date_id,
  COUNT(*) AS number_of_rows
FROM kpi_percentiles
WHERE
  date_id IN (%(date_0)s, %(date_1)s)
  AND period IN ('W', 'M')
GROUP BY
  period,
  date_id;

-- step: weeks and months in kpi_plan_gap
SELECT
  period,
  date_id,
  COUNT(*) AS number_of_rows
FROM kpi_plan_gap
WHERE
  date_id IN (%(date_0)s, %(date_1)s)
  AND period IN ('W', 'M')
GROUP BY
  period,
  date_id;
