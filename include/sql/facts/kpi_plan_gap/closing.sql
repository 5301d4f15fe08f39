/*
The rows of kpi_plan_gap of one week or month: its task of kpi_rollup.
*/
{% set table = 'kpi_plan_gap' -%}
{% include 'roads/closing.sql' %}
