{% import 'macros/measured.sql' as measured -%}
/*
Every figure says how many observations it rests on: at least one.
*/
SELECT
  COUNT(*) > 0 OR {{ measured.nothing_to_measure() }} AS there_are_rows,
  COALESCE(SUM(sample_size IS NULL OR sample_size < 1), 0) = 0 AS all_have_samples
FROM kpi_value
WHERE
  date_id = %(date_id)s
  AND period = 'D'
