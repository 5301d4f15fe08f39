/*
What the task `partitions` may run, for each fact table. In « » stands what is found when it runs; its log has each statement that ran.
*/
/*
What tells whether today can be right: the calendar, the ledger and, where the ledger is empty, the facts.
*/
-- step: days of the calendar
SELECT COUNT(*)
FROM kpi_time
WHERE date_id = %(today)s;

-- step: last day computed
SELECT MAX(date_to)
FROM kpi_run
WHERE state = 'DONE';

-- step: last day in kpi_value
SELECT MAX(date_id)
FROM kpi_value;

-- step: last day in kpi_state_count
SELECT MAX(date_id)
FROM kpi_state_count;

-- step: last day in kpi_percentiles
SELECT MAX(date_id)
FROM kpi_percentiles;

-- step: last day in kpi_plan_gap
SELECT MAX(date_id)
FROM kpi_plan_gap;

-- step: partitions of the table
SELECT
  partition_name,
  partition_method,
  partition_expression,
  subpartition_method,
  partition_description,
  data_length + index_length AS bytes
FROM information_schema.partitions
WHERE
  table_schema = DATABASE()
  AND table_name = %(table_name)s
  AND partition_name IS NOT NULL
ORDER BY partition_ordinal_position;

-- step: what lies in one
SELECT
  period,
  COUNT(*) AS number_of_rows,
  MIN(date_id) AS oldest,
  MAX(date_id) AS newest
FROM «fact table» PARTITION («partition»)
WHERE
  TRUE
GROUP BY period
ORDER BY period;

-- step: nobody else has the table
LOCK TABLES «fact table» WRITE;

-- step: months get partitions
ALTER TABLE «fact table» REORGANIZE PARTITION «partition» INTO (
  PARTITION «month» VALUES LESS THAN (TO_DAYS('«month after»')),
  PARTITION «partition» VALUES LESS THAN «its bound»
);
