/*
The histogram of states of one week or month: that of each scope's closing day (LAST).
*/
{% set mode = 'closing' %}
{% import 'macros/slice.sql' as slice with context %}
{% import 'macros/rollup.sql' as rollup with context %}
{{ slice.create_stage('kpi_state_count') }}

{{ rollup.closing() }}

-- step: LAST
INSERT INTO stage_kpi_state_count (date_id, scope_id, target_id, domain, state_code, state_ordre, count)
SELECT
  %(date_id)s,
  fact.scope_id,
  fact.target_id,
  fact.domain,
  fact.state_code,
  fact.state_ordre,
  fact.count
FROM stage_closing
INNER JOIN kpi_state_count AS fact
  ON fact.date_id = stage_closing.as_of
  AND fact.period = 'D'
  AND fact.scope_id = stage_closing.scope_id;

{{ slice.write('kpi_state_count') }}
