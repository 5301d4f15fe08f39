/*
The D rows of kpi_value of one day, %(as_of)s: its task of kpi_daily.
*/
{% set table = 'kpi_value' -%}
{% include 'roads/day.sql' %}
