{% import 'sets/in_force.sql' as in_force with context -%}
feedback AS (
  SELECT
    {{ in_force.feedback_columns() }}
  FROM {{ in_force.wanted() }}
  INNER JOIN kpi_src_feedback AS history
    ON history.learner_id = wanted.learner_id
)
