{% import 'sets/in_force.sql' as in_force -%}
feedback AS (
  SELECT
    {{ in_force.feedback_columns() }}
  FROM kpi_src_feedback AS history
)
