/*
The D rows of kpi_percentiles of one day, %(as_of)s: its task of kpi_daily.
*/
{% set table = 'kpi_percentiles' -%}
{% include 'roads/day.sql' %}
