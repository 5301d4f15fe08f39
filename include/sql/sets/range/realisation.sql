{# One row per version. -#}
{% import 'sets/in_force.sql' as in_force -%}
realisation AS (
  SELECT
    {{ in_force.realisation_columns() }},
    {{ in_force.span('history.valid_from', 'history.valid_to') }}
  FROM {{ in_force.range_bounds() }}
  INNER JOIN kpi_src_realisation AS history IGNORE INDEX (uq_realisation)
    ON {{ in_force.in_range('history') }}
  WHERE
    opening.date_id = %(first)s
    AND history.domain IN ('{{ figure.reads.realisation | join("', '") }}')
)
