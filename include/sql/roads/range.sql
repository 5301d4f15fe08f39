{#
A range: the rows (D) of a table for all days from %(first)s to %(last)s at once, for some scopes or all. A figure that needs its day by name is
computed day by day.
#}
{% import 'writer/stage.sql' as stage %}
{% import 'writer/write.sql' as writer %}
{% import 'sets/in_force.sql' as in_force %}
{% set written = written_tables[table] %}
{% set window = 1 %}
{{ stage.create('stage_' ~ table, written, {'date_id': 'DATE'}) }}
{% for figure in figures(table) if not figure.one_day_at_a_time %}
{% import 'sets/range/instants.sql' as instants %}
{% set folders = ['range'] %}
{% set cell = ['date_id', 'scope_id', 'target_id'] %}

-- step: {{ figure.code }} | figure={{ figure.code }}
{{ stage.insert('stage_' ~ table, written, ['date_id']) }}
SELECT
{{- stage.columns(written, figure.code, ['date_id']) }}
FROM (
{% include 'roads/figure.sql' %}
) AS figure;
{% endfor %}
{% for figure in figures(table) if figure.one_day_at_a_time %}
{% import 'sets/day/instants.sql' as instants %}
{% set folders = ['day'] %}
{% set cell = ['scope_id', 'target_id'] %}

-- step: {{ figure.code }} | figure={{ figure.code }} each=day
{{ stage.insert('stage_' ~ table, written, ['date_id']) }}
SELECT
{{- stage.columns(written, figure.code, ['date_id'], {'date_id': '%(date_id)s'}) }}
FROM (
{% include 'roads/figure.sql' %}
) AS figure
INNER JOIN kpi_scope
  ON kpi_scope.id = figure.scope_id
  AND {{ in_force.requested('kpi_scope') }};
{% endfor %}

{{ writer.dates(written, scoped=true, compared=true) }}
