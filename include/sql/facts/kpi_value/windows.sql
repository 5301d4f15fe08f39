/*
The rolling windows of kpi_value that end with the days %(first)s to %(last)s: the task windows of kpi_rollup.
*/
{% set table = 'kpi_value' -%}
{% include 'roads/windows.sql' %}
