/*
Plan against done of one week or month, as of each scope's closing day: the script of task kpi_plan_gap.
*/
{% set mode = 'closing' %}
{% import 'macros/slice.sql' as slice with context %}
{% import 'macros/figure.sql' as figure with context %}
{% import 'macros/rollup.sql' as rollup with context %}
{{ slice.create_stage('kpi_plan_gap') }}

{{ rollup.closing() }}
{% for measure in measures('kpi_plan_gap') %}
{% set select %}{% include 'rollup/kpi_plan_gap/' ~ measure.code ~ '.sql' %}{% endset %}
{{ figure.stage('kpi_plan_gap', measure.code, select, {
  'scope_id': 'figure.scope_id',
  'target_id': 'figure.target_id',
  'expected_count': 'figure.expected_count',
  'done_count': 'figure.done_count'
}) }}
{% endfor %}
{{ slice.write('kpi_plan_gap', compare=true) }}
