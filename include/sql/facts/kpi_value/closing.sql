/*
The rows of kpi_value of one week or month: its task of kpi_rollup.
*/
{% set table = 'kpi_value' -%}
{% include 'roads/closing.sql' %}
