/*
The D rows of kpi_percentiles of the days %(first)s to %(last)s at once, for some scopes or all: its task of kpi_backfill.
*/
{% set table = 'kpi_percentiles' -%}
{% include 'roads/range.sql' %}
