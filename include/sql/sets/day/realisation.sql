{# Read in one range of the primary key, whatever the planner thinks of the other keys. -#}
{% import 'sets/in_force.sql' as in_force -%}
realisation AS (
  SELECT
    {{ in_force.realisation_columns() }},
    day.date_id AS first_day,
    day.date_id AS last_day
  FROM kpi_time AS day
  INNER JOIN kpi_src_realisation AS history IGNORE INDEX (uq_realisation)
    ON {{ in_force.at_end('history') }}
  WHERE
    day.date_id = %(as_of)s
    AND history.domain IN ('{{ figure.reads.realisation | join("', '") }}')
)
