/*
The rows of kpi_percentiles of one week or month: its task of kpi_rollup.
*/
{% set table = 'kpi_percentiles' -%}
{% include 'roads/closing.sql' %}
