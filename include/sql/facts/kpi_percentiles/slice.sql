/*
The median, 75th and 90th percentiles of the delays of one day: the script of task kpi_percentiles. Each measure is one file of
this folder.
*/
{% import 'macros/slice.sql' as slice %}
{% set key = {'scope_id': 'BIGINT', 'target_id': 'BIGINT', 'measure_code':
  "ENUM('DELAI_ACQUIS_MICRO', 'DELAI_ACQUIS_COMP', 'DELAI_FEEDBACK')"} %}
{% set values = {'p50': 'DECIMAL(12, 4)', 'p75': 'DECIMAL(12, 4)', 'p90': 'DECIMAL(12, 4)', 'sample_size': 'INT'} %}
{{ slice.create_stage('kpi_percentiles', key, values) }}
{% for measure in measures('kpi_percentiles') %}
-- step: {{ measure.code }}
INSERT INTO stage_kpi_percentiles (measure_code, scope_id, target_id, p50, p75, p90, sample_size)
SELECT
  '{{ measure.code }}',
  figure.scope_id,
  figure.target_id,
  figure.p50,
  figure.p75,
  figure.p90,
  figure.sample_size
FROM (
{% include 'facts/kpi_percentiles/' ~ measure.code ~ '.sql' %}
) AS figure;
{% endfor %}
{{ slice.write('kpi_percentiles', key, values) }}
