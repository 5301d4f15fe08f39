/*
The histogram of states of one day: the script of task kpi_state_count; in mode `range` (range.sql) of many days at once.
*/
{% import 'macros/slice.sql' as slice with context %}
{{ slice.create_stage('kpi_state_count') }}
{% for measure in measures('kpi_state_count') %}
-- step: {{ measure.code }}
INSERT INTO stage_kpi_state_count (date_id, scope_id, target_id, domain, state_code, state_ordre, count)
{% include 'facts/kpi_state_count/' ~ measure.code ~ '.sql' %};
{% endfor %}
{{ slice.write('kpi_state_count', compare=(mode | default('day')) == 'range') }}
