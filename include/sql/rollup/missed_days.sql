{% import 'roads/calendar.sql' as calendar -%}
/*
The dates of a table's weeks (W), months (M) or windows (R, of up to %(longest)s days) that end before %(before_day)s and are older than a done
day from %(first)s on that they hold, or were never written: no rollup has taken that day yet.
A day is as new as the table's own rows of it, or as what made it a done day; with %(any_rows)s as its rows of any table.
*/
WITH written AS (
  SELECT
    date_to AS date_id,
    table_name,
    MIN(finished_at) AS first_at,
    MAX(finished_at) AS last_at
  FROM kpi_run
  WHERE
    table_name IN ('{{ daily_tables | join("', '") }}')
    AND state = 'DONE'
    AND period = 'D'
    AND scopes IS NULL
    AND date_to >= %(first)s
    AND date_to < %(before_day)s
  GROUP BY date_to, table_name
),

done_day AS (
  SELECT
    date_id,
    MAX(IF(%(any_rows)s OR table_name = %(fact_table)s, last_at, first_at)) AS written_at
  FROM written
  GROUP BY date_id
  HAVING COUNT(*) = {{ daily_tables | length }}
),

holding AS (
  SELECT
    written_at,
    {{ calendar.date_id('%(period)s', 'date_id') }} AS date_id
  FROM done_day
  WHERE %(period)s IN ('{{ calendar_periods | join("', '") }}')
  UNION ALL
  SELECT
    held.written_at,
    window_end.date_id
  FROM done_day AS held
  INNER JOIN done_day AS window_end
    ON window_end.date_id >= held.date_id
    AND window_end.date_id < held.date_id + INTERVAL %(longest)s DAY
  WHERE %(period)s = 'R'
),

rolled_up AS (
  SELECT
    date_to AS date_id,
    MAX(started_at) AS started_at
  FROM kpi_run
  WHERE
    table_name = %(fact_table)s
    AND state = 'DONE'
    AND period = %(period)s
    AND scopes IS NULL
    AND date_to >= %(first)s
    AND date_to < %(before_day)s
  GROUP BY date_to
)

SELECT DISTINCT holding.date_id
FROM holding
LEFT JOIN rolled_up
  ON rolled_up.date_id = holding.date_id
WHERE
  holding.date_id < %(before_day)s
  AND (rolled_up.started_at IS NULL OR rolled_up.started_at < holding.written_at)
ORDER BY holding.date_id
