{% import 'sets/in_force.sql' as in_force with context -%}
realisation AS (
  SELECT
    {{ in_force.realisation_columns() }},
    day.date_id AS first_day,
    day.date_id AS last_day
  FROM kpi_time AS day
  CROSS JOIN {{ in_force.touched() }}
  INNER JOIN kpi_src_realisation AS history
    ON {{ in_force.at_end('history') }}
    AND history.learner_id = touched.learner_id
    AND history.domain = touched.domain
    AND history.ref_id = touched.ref_id
  WHERE
    day.date_id = %(as_of)s
    AND history.domain IN ('{{ figure.reads.realisation | join("', '") }}')
)
