/*
All metrics of one day: the script of task kpi_value. Each metric is one file of this folder; the frame stages what they
give, writes what differs from the stored rows and deletes what vanished.
*/
{% import 'macros/slice.sql' as slice %}
{% set key = {'scope_id': 'BIGINT', 'target_id': 'BIGINT', 'metric_id': 'BIGINT'} %}
{% set values = {
  'value_num': 'DECIMAL(12, 4)', 'numerator': 'BIGINT', 'denominator': 'BIGINT', 'sample_size': 'INT', 'extra_json': 'JSON'
} %}
{{ slice.create_stage('kpi_value', key, values) }}
{% for metric in metrics() %}
-- step: {{ metric.code }}
INSERT INTO stage_kpi_value (metric_id, scope_id, target_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  kpi_metric.id,
  figure.scope_id,
  figure.target_id,
  figure.value_num,
  figure.numerator,
  figure.denominator,
  figure.sample_size,
  figure.extra_json
FROM kpi_metric
INNER JOIN (
{% include metric.template %}
) AS figure
WHERE kpi_metric.code = '{{ metric.code }}';
{% endfor %}
{{ slice.write('kpi_value', key, values, stamp='computed_at') }}
