/*
The first and the last date_id that kpi_value has of each period. It asks the unique key for one day after another, from
either end of the calendar, and stops at the first that has a row: MAX(date_id) would read a period's rows of all days.
*/

WITH written AS (
  SELECT
    COALESCE(
      (SELECT MAX(date_to) FROM kpi_run WHERE table_name = 'kpi_value' AND state = 'DONE'),
      (SELECT MAX(date_id) FROM kpi_time)
    ) AS last_on
)

SELECT
  'D' AS period,
  (
    SELECT day.date_id
    FROM kpi_time AS day
    WHERE
      day.date_id <= written.last_on
      AND ('D' NOT IN ('W', 'M') OR day.date_id = CASE 'D'
    WHEN 'W' THEN day.date_id + INTERVAL 6 - WEEKDAY(day.date_id) DAY
    WHEN 'M' THEN LAST_DAY(day.date_id)
  END)
      AND EXISTS (
        SELECT /*+ NO_SEMIJOIN() */ 1
        FROM kpi_value AS v
        WHERE
          v.date_id = day.date_id
          AND v.period = 'D'
      )
    ORDER BY day.date_id ASC
    LIMIT 1
  ) AS first,
  (
    SELECT day.date_id
    FROM kpi_time AS day
    WHERE
      day.date_id <= written.last_on
      AND ('D' NOT IN ('W', 'M') OR day.date_id = CASE 'D'
    WHEN 'W' THEN day.date_id + INTERVAL 6 - WEEKDAY(day.date_id) DAY
    WHEN 'M' THEN LAST_DAY(day.date_id)
  END)
      AND EXISTS (
        SELECT /*+ NO_SEMIJOIN() */ 1
        FROM kpi_value AS v
        WHERE
          v.date_id = day.date_id
          AND v.period = 'D'
      )
    ORDER BY day.date_id DESC
    LIMIT 1
  ) AS latest
FROM written
UNION ALL
SELECT
  'W' AS period,
  (
    SELECT day.date_id
    FROM kpi_time AS day
    WHERE
      day.date_id <= written.last_on
      AND ('W' NOT IN ('W', 'M') OR day.date_id = CASE 'W'
    WHEN 'W' THEN day.date_id + INTERVAL 6 - WEEKDAY(day.date_id) DAY
    WHEN 'M' THEN LAST_DAY(day.date_id)
  END)
      AND EXISTS (
        SELECT /*+ NO_SEMIJOIN() */ 1
        FROM kpi_value AS v
        WHERE
          v.date_id = day.date_id
          AND v.period = 'W'
      )
    ORDER BY day.date_id ASC
    LIMIT 1
  ) AS first,
  (
    SELECT day.date_id
    FROM kpi_time AS day
    WHERE
      day.date_id <= written.last_on
      AND ('W' NOT IN ('W', 'M') OR day.date_id = CASE 'W'
    WHEN 'W' THEN day.date_id + INTERVAL 6 - WEEKDAY(day.date_id) DAY
    WHEN 'M' THEN LAST_DAY(day.date_id)
  END)
      AND EXISTS (
        SELECT /*+ NO_SEMIJOIN() */ 1
        FROM kpi_value AS v
        WHERE
          v.date_id = day.date_id
          AND v.period = 'W'
      )
    ORDER BY day.date_id DESC
    LIMIT 1
  ) AS latest
FROM written
UNION ALL
SELECT
  'M' AS period,
  (
    SELECT day.date_id
    FROM kpi_time AS day
    WHERE
      day.date_id <= written.last_on
      AND ('M' NOT IN ('W', 'M') OR day.date_id = CASE 'M'
    WHEN 'W' THEN day.date_id + INTERVAL 6 - WEEKDAY(day.date_id) DAY
    WHEN 'M' THEN LAST_DAY(day.date_id)
  END)
      AND EXISTS (
        SELECT /*+ NO_SEMIJOIN() */ 1
        FROM kpi_value AS v
        WHERE
          v.date_id = day.date_id
          AND v.period = 'M'
      )
    ORDER BY day.date_id ASC
    LIMIT 1
  ) AS first,
  (
    SELECT day.date_id
    FROM kpi_time AS day
    WHERE
      day.date_id <= written.last_on
      AND ('M' NOT IN ('W', 'M') OR day.date_id = CASE 'M'
    WHEN 'W' THEN day.date_id + INTERVAL 6 - WEEKDAY(day.date_id) DAY
    WHEN 'M' THEN LAST_DAY(day.date_id)
  END)
      AND EXISTS (
        SELECT /*+ NO_SEMIJOIN() */ 1
        FROM kpi_value AS v
        WHERE
          v.date_id = day.date_id
          AND v.period = 'M'
      )
    ORDER BY day.date_id DESC
    LIMIT 1
  ) AS latest
FROM written
UNION ALL
SELECT
  'R' AS period,
  (
    SELECT day.date_id
    FROM kpi_time AS day
    WHERE
      day.date_id <= written.last_on
      AND ('R' NOT IN ('W', 'M') OR day.date_id = CASE 'R'
    WHEN 'W' THEN day.date_id + INTERVAL 6 - WEEKDAY(day.date_id) DAY
    WHEN 'M' THEN LAST_DAY(day.date_id)
  END)
      AND EXISTS (
        SELECT /*+ NO_SEMIJOIN() */ 1
        FROM kpi_value AS v
        WHERE
          v.date_id = day.date_id
          AND v.period = 'R'
      )
    ORDER BY day.date_id ASC
    LIMIT 1
  ) AS first,
  (
    SELECT day.date_id
    FROM kpi_time AS day
    WHERE
      day.date_id <= written.last_on
      AND ('R' NOT IN ('W', 'M') OR day.date_id = CASE 'R'
    WHEN 'W' THEN day.date_id + INTERVAL 6 - WEEKDAY(day.date_id) DAY
    WHEN 'M' THEN LAST_DAY(day.date_id)
  END)
      AND EXISTS (
        SELECT /*+ NO_SEMIJOIN() */ 1
        FROM kpi_value AS v
        WHERE
          v.date_id = day.date_id
          AND v.period = 'R'
      )
    ORDER BY day.date_id DESC
    LIMIT 1
  ) AS latest
FROM written
