/*
The histogram of states of one day: the script of task kpi_state_count.
*/
{% import 'macros/slice.sql' as slice %}
{% set key = {'scope_id': 'BIGINT', 'target_id': 'BIGINT', 'domain': "ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE')",
  'state_code': 'VARCHAR(32)'} %}
{% set values = {'state_ordre': 'INT', 'count': 'INT'} %}
{{ slice.create_stage('kpi_state_count', key, values) }}
{% for measure in measures('kpi_state_count') %}
-- step: {{ measure.code }}
INSERT INTO stage_kpi_state_count (scope_id, target_id, domain, state_code, state_ordre, count)
{% include 'facts/kpi_state_count/' ~ measure.code ~ '.sql' %};
{% endfor %}
{{ slice.write('kpi_state_count', key, values) }}
