/*
The rolling windows that end with the days %(first)s to %(last)s, each metric's by what its header declares as `rolling`: the script of
task rolling. The D rows of a window are added up as differences: a row counts from its day to the last day whose window holds it.
*/
{% set mode = 'range' %}
{% import 'macros/slice.sql' as slice with context %}
{% import 'macros/figure.sql' as figure with context %}
{% import 'macros/rollup.sql' as rollup with context %}
{% import 'macros/as_of.sql' as as_of with context %}
{% import 'macros/differences.sql' as differences with context %}
{{ slice.create_stage('kpi_value') }}
{% for metric in metrics() if metric.rolling %}
{% for window in metric.rolling.days %}
{% if metric.rolling.rule == 'RECOMPUTE' %}
{% set select %}{% include metric.template %}{% endset %}
{% if figure.day_by_day(select) %}
{% set select %}{% with mode = 'day' %}{% include metric.template %}{% endwith %}{% endset %}
{% endif %}
{# A figure that is computed day by day knows its window as %(since)s to %(as_of)s. -#}
{% set select = select | replace('%(since)s', '%(as_of)s - INTERVAL ' ~ (window - 1) ~ ' DAY') %}
{% set day = '%(as_of)s' if '%(as_of)s' in select else 'figure.date_id' %}
{{ figure.value(metric.rolling_code(window), select, rollup.told('figure.extra_json', day, window, 'TRUE')) }}
{% else %}
{% set select %}{% include 'rollup/kpi_value/window.sql' %}{% endset %}
{{ figure.value(metric.rolling_code(window), select) }}
{% endif %}
{% endfor %}
{% endfor %}
{{ slice.write('kpi_value') }}
