/*
The D rows of kpi_state_count of the days %(first)s to %(last)s at once, for some scopes or all: its task of kpi_backfill.
*/
{% set table = 'kpi_state_count' -%}
{% include 'roads/range.sql' %}
