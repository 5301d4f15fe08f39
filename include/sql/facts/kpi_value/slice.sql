/*
All metrics of one day: the script of task kpi_value. Each metric is one file of this folder; the frame stages what they
give, writes what differs from the stored rows and deletes what vanished. In mode `range` (range.sql) of many days at once.
*/
{% import 'macros/slice.sql' as slice with context %}
{% import 'macros/figure.sql' as figure with context %}
{{ slice.create_stage('kpi_value') }}
{% for metric in metrics() %}
{% set select %}{% include metric.template %}{% endset %}
{% if figure.day_by_day(select) %}
{% set select %}{% with mode = 'day' %}{% include metric.template %}{% endwith %}{% endset %}
{% endif %}
{{ figure.value(metric.code, select) }}
{% endfor %}
{{ slice.write('kpi_value', compare=(mode | default('day')) == 'range') }}
