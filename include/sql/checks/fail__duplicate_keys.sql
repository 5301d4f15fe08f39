{% import 'macros/measured.sql' as measured -%}
/*
No cell of the day has two rows, in any of the fact tables.
*/
SELECT
  SUM(cells) > 0 OR {{ measured.nothing_to_measure() }} AS there_are_rows,
  COALESCE(MAX(most), 1) = 1 AS no_cell_twice
FROM (
{%- for table in daily_tables %}
  {{- '\n  UNION ALL' if not loop.first }}
  SELECT
    COUNT(*) AS cells,
    MAX(n) AS most
  FROM (
    SELECT COUNT(*) AS n
    FROM {{ table }}
    WHERE
      date_id = %(date_id)s
      AND period = 'D'
    GROUP BY {{ fact_tables[table].key | join(', ') }}
  ) AS cell_of_{{ table }}
{%- endfor %}
) AS counted
