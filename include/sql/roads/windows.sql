{#
Windows: the rolling windows (R) that end with each day from %(first)s to %(last)s, each figure's by what its header declares as `rolling`: the D rows of the
window added up, or the figure anew from the history (RECOMPUTE). D rows are added up as differences: a row counts from its day to the last
day whose window holds it.
#}
{% import 'writer/stage.sql' as stage %}
{% import 'writer/write.sql' as writer %}
{% import 'roads/periods.sql' as periods with context %}
{% import 'sets/in_force.sql' as in_force %}
{% set written = written_tables[table] %}
{{ stage.create('stage_' ~ table, written, {'date_id': 'DATE'}) }}
{% for figure in figures(table) if figure.rolling %}
{% for window in figure.rolling.days %}
{% set code = figure.rolling_code(window) %}
{% if figure.rolling.rule in periods.ADDED %}

-- step: {{ code }} | figure={{ figure.code }}
{{ stage.insert('stage_' ~ table, written, ['date_id']) }}
SELECT
{{- stage.columns(written, code, ['date_id']) }}
FROM (
{% include 'roads/window_of_days.sql' %}
) AS figure;
{% elif figure.one_day_at_a_time %}
{% import 'sets/day/instants.sql' as instants %}
{% set folders = ['day'] %}
{% set cell = ['scope_id', 'target_id'] %}

-- step: {{ code }} | figure={{ figure.code }} each=day days={{ window }}
{{ stage.insert('stage_' ~ table, written, ['date_id']) }}
SELECT
{{- stage.columns(written, code, ['date_id'], {'date_id': '%(date_id)s', 'extra_json': periods.told('figure.extra_json', '%(as_of)s', window, 'TRUE')}) }}
FROM (
{% include 'roads/figure.sql' %}
) AS figure
INNER JOIN kpi_scope
  ON kpi_scope.id = figure.scope_id
  AND {{ in_force.requested('kpi_scope') }};
{% else %}
{% import 'sets/range/instants.sql' as instants %}
{% set folders = ['range'] %}
{% set cell = ['date_id', 'scope_id', 'target_id'] %}

-- step: {{ code }} | figure={{ figure.code }}
{{ stage.insert('stage_' ~ table, written, ['date_id']) }}
SELECT
{{- stage.columns(written, code, ['date_id'], {'extra_json': periods.told('figure.extra_json', 'figure.date_id', window, 'TRUE')}) }}
FROM (
{% include 'roads/figure.sql' %}
) AS figure;
{% endif %}
{% endfor %}
{% endfor %}

{{ writer.dates(written, scoped=true) }}
