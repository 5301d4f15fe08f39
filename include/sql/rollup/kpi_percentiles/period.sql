/*
The median, 75th and 90th percentiles of the delays of one week or month, from the history (RECOMPUTE): there is no percentile of
percentiles.
*/
{% set mode = 'closing' %}
{% import 'macros/slice.sql' as slice with context %}
{% import 'macros/figure.sql' as figure with context %}
{% import 'macros/rollup.sql' as rollup with context %}
{{ slice.create_stage('kpi_percentiles') }}

{{ rollup.closing() }}
{% for measure in measures('kpi_percentiles') %}
{% set select %}{% include 'facts/kpi_percentiles/' ~ measure.code ~ '.sql' %}{% endset %}
{{ figure.percentiles(measure.code, select) }}
{% endfor %}
{{ slice.write('kpi_percentiles') }}
