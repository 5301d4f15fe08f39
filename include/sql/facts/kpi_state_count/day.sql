/*
The D rows of kpi_state_count of one day, %(as_of)s: its task of kpi_daily.
*/
{% set table = 'kpi_state_count' -%}
{% include 'roads/day.sql' %}
