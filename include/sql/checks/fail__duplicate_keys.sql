{% import 'macros/measured.sql' as measured -%}
/*
No cell of the day has two rows, in any of the fact tables.
*/
SELECT
  SUM(cells) > 0 OR {{ measured.nothing_to_measure() }} AS there_are_rows,
  COALESCE(MAX(most), 1) = 1 AS no_cell_twice
FROM (
  SELECT
    COUNT(*) AS cells,
    MAX(n) AS most
  FROM (
    SELECT COUNT(*) AS n
    FROM kpi_value
    WHERE
      date_id = %(date_id)s
      AND period = 'D'
    GROUP BY scope_id, target_id, metric_id
  ) AS value_cell
  UNION ALL
  SELECT
    COUNT(*),
    MAX(n)
  FROM (
    SELECT COUNT(*) AS n
    FROM kpi_state_count
    WHERE
      date_id = %(date_id)s
      AND period = 'D'
    GROUP BY scope_id, target_id, domain, state_code
  ) AS state_cell
  UNION ALL
  SELECT
    COUNT(*),
    MAX(n)
  FROM (
    SELECT COUNT(*) AS n
    FROM kpi_percentiles
    WHERE
      date_id = %(date_id)s
      AND period = 'D'
    GROUP BY scope_id, target_id, measure_code
  ) AS percentile_cell
) AS counted
