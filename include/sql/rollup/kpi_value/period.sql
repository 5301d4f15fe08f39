/*
All metrics of one week or month, each by the rule that its header declares as `rollup`: the script of task kpi_value of kpi_rollup.
*/
{% set mode = 'closing' %}
{% import 'macros/slice.sql' as slice with context %}
{% import 'macros/figure.sql' as figure with context %}
{% import 'macros/rollup.sql' as rollup with context %}
{{ slice.create_stage('kpi_value') }}

{{ rollup.closing() }}

-- step: LAST
INSERT INTO stage_kpi_value (date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  %(date_id)s,
  fact.scope_id,
  fact.target_id,
  fact.metric_id,
  fact.value_num,
  fact.numerator,
  fact.denominator,
  fact.sample_size,
  {{ rollup.told_of_closing('fact.extra_json') }}
FROM stage_closing
INNER JOIN kpi_value AS fact
  ON fact.date_id = stage_closing.as_of
  AND fact.period = 'D'
  AND fact.scope_id = stage_closing.scope_id
INNER JOIN kpi_metric
  ON kpi_metric.id = fact.metric_id
  AND kpi_metric.code IN ('{{ metrics() | selectattr('rollup', 'equalto', 'LAST') | map(attribute='code') | join("', '") }}');
{% for metric in metrics() if metric.rollup in rollup.ADDED %}
{% set select %}{% include 'rollup/kpi_value/added_up.sql' %}{% endset %}
-- step: {{ metric.rollup }}: {{ metric.code }}
{{ select }};
{% endfor %}
{% for metric in metrics() if metric.rollup == 'RECOMPUTE' %}
{% set select %}{% include metric.template %}{% endset %}
{{ figure.value(metric.code, select, rollup.told_of_closing('figure.extra_json')) }}
{% endfor %}
{{ slice.write('kpi_value') }}
