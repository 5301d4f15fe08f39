{# A figure whose targets have few others under them reads what lies under the touched ones, by stage_delay_closure and the primary key; others
   read all that was finished in the window. -#}
{% import 'sets/in_force.sql' as in_force -%}
realisation AS (
  SELECT
    {{ in_force.realisation_columns() }},
    day.date_id AS first_day,
    day.date_id AS last_day
  FROM kpi_time AS day
  INNER JOIN kpi_src_realisation AS history FORCE INDEX ({{ 'idx_finished' if figure.is_wide else '`PRIMARY`' }})
    ON history.valid_to = '9999-12-31'
  WHERE
    day.date_id = %(as_of)s
    AND history.domain IN ('{{ figure.reads.realisation | join("', '") }}')
)
