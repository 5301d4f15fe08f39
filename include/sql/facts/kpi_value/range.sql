/*
The days %(first)s to %(last)s of kpi_value at once, for some scopes or all: the script of kpi_backfill.
*/
{% set mode = 'range' %}
{% include 'facts/kpi_value/slice.sql' %}
