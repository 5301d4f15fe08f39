/*
The D rows of kpi_value of the days %(first)s to %(last)s at once, for some scopes or all: its task of kpi_backfill.
*/
{% set table = 'kpi_value' -%}
{% include 'roads/range.sql' %}
