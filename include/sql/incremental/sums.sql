/*
The exact sums of %(as_of)s behind its figures, of all scopes but those of single learners: what later changes add to (refresh.sql).
*/
{% set mode = 'sums' %}
{% import 'macros/by_scope.sql' as by_scope with context %}
-- step: forget another day's
DELETE FROM kpi_day_sum;
{% for metric in metrics() %}
{% set select %}{% include metric.template %}{% endset %}
{% if by_scope.SUMS_END in select %}
-- step: {{ metric.code }}
INSERT INTO kpi_day_sum (figure, scope_id, target_id, part, done, whole, reconstructed)
{{ select.split(by_scope.SUMS_END)[0] | trim }}

SELECT
  '{{ metric.code }}',
  scope_id,
  target_id,
  part,
  0,
  whole,
  reconstructed
FROM scope_sum;
{% endif %}
{% endfor %}
{% for measure in measures('kpi_plan_gap') %}
{% set select %}{% include 'rollup/kpi_plan_gap/' ~ measure.code ~ '.sql' %}{% endset %}
-- step: {{ measure.code }}
INSERT INTO kpi_day_sum (figure, scope_id, target_id, part, done, whole, reconstructed)
{{ select.split(by_scope.SUMS_END)[0] | trim }}

SELECT
  '{{ measure.code }}',
  scope_id,
  target_id,
  expected_count,
  done_count,
  whole,
  0
FROM scope_sum;
{% endfor %}
