/*
How far back days reach: what history and ledger must still tell of.
*/

-- step: oldest day in kpi_value
SELECT date_id
FROM kpi_value
WHERE period = 'D'
ORDER BY date_id
LIMIT 1;

-- step: oldest day in kpi_state_count
SELECT date_id
FROM kpi_state_count
WHERE period = 'D'
ORDER BY date_id
LIMIT 1;

-- step: oldest day in kpi_percentiles
SELECT date_id
FROM kpi_percentiles
WHERE period = 'D'
ORDER BY date_id
LIMIT 1;

-- step: oldest day computed
SELECT MIN(date_to)
FROM kpi_run
WHERE
  table_name IN ('kpi_value', 'kpi_state_count', 'kpi_percentiles')
  AND state = 'DONE'
  AND period = 'D';

-- step: first day of the calendar
SELECT MIN(date_id)
FROM kpi_time;
