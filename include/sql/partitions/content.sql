{# What lies in a partition: rows by period, with their oldest and newest dates. -#}
{% import 'macros/rows.sql' as some -%}
SELECT
  period,
  COUNT(*) AS number_of_rows,
  MIN(date_id) AS oldest,
  MAX(date_id) AS newest
{{ some.from_where(rows) }}
GROUP BY period
ORDER BY period
