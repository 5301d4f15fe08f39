{#
A day: the rows (D) of a table, for all scopes, as of the end of %(as_of)s. Each figure of the table is one step.
#}
{% import 'writer/stage.sql' as stage %}
{% import 'writer/write.sql' as writer %}
{% import 'sets/day/instants.sql' as instants %}
{% set written = written_tables[table] %}
{% set folders = ['day'] %}
{% set cell = ['scope_id', 'target_id'] %}
{{ stage.create('stage_' ~ table, written, {'date_id': 'DATE'}) }}
{% for figure in figures(table) %}

-- step: {{ figure.code }} | figure={{ figure.code }}
{{ stage.insert('stage_' ~ table, written, ['date_id']) }}
SELECT
{{- stage.columns(written, figure.code, ['date_id'], {'date_id': '%(date_id)s'}) }}
FROM (
{% include 'roads/figure.sql' %}
) AS figure;
{% endfor %}

{{ writer.dates(written) }}
