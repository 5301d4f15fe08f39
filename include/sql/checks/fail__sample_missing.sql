/*
Every figure says how many observations it rests on: at least one.
*/
SELECT
  COUNT(*) > 0 AS there_are_rows,
  SUM(sample_size IS NULL OR sample_size < 1) = 0 AS all_have_samples
FROM kpi_value
WHERE
  date_id = %(date_id)s
  AND period = 'D'
