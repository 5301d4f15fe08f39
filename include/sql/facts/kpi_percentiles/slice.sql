/*
The median, 75th and 90th percentiles of the delays of one day: the script of task kpi_percentiles. Each measure is one file of
this folder. In mode `range` (range.sql) of many days at once.
*/
{% import 'macros/slice.sql' as slice with context %}
{% import 'macros/figure.sql' as figure with context %}
{{ slice.create_stage('kpi_percentiles') }}
{% for measure in measures('kpi_percentiles') %}
{% set select %}{% include 'facts/kpi_percentiles/' ~ measure.code ~ '.sql' %}{% endset %}
{{ figure.percentiles(measure.code, select) }}
{% endfor %}
{{ slice.write('kpi_percentiles', compare=(mode | default('day')) == 'range') }}
