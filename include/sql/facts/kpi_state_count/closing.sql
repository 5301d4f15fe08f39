/*
The rows of kpi_state_count of one week or month: its task of kpi_rollup.
*/
{% set table = 'kpi_state_count' -%}
{% include 'roads/closing.sql' %}
