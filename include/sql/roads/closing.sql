{#
A closing: one week or month, [%(first)s, %(last)s], of a table, each figure by the rule that its header declares as `rollup`: the D row of the scope's
closing day (LAST), the sum of the D rows, or the figure anew from the history, as of each day on which scopes close (RECOMPUTE).
#}
{% import 'writer/stage.sql' as stage %}
{% import 'writer/write.sql' as writer %}
{% import 'roads/periods.sql' as periods with context %}
{% import 'sets/day/instants.sql' as instants %}
{% set written = written_tables[table] %}
{% set folders = ['closing', 'day'] %}
{% set cell = ['scope_id', 'target_id'] %}
{% set last = figures(table) | selectattr('rollup', 'equalto', 'LAST') | map(attribute='code') | list %}
{{ stage.create('stage_' ~ table, written, {'date_id': 'DATE'}) }}

{{ periods.closing() }}
{% if last %}

-- step: LAST
{{ stage.insert('stage_' ~ table, written, ['date_id']) }}
SELECT
  %(date_id)s
{%- for column in written.key %},
  fact.{{ column }}
{%- endfor %}
{%- for column in written['values'] %},
  {{ periods.told_of_closing('fact.extra_json') if column == 'extra_json' else 'fact.' ~ column }}
{%- endfor %}
FROM stage_closing
INNER JOIN {{ table }} AS fact
  ON fact.date_id = stage_closing.as_of
  AND fact.period = 'D'
  AND fact.scope_id = stage_closing.scope_id
{%- if 'metric_id' in written.key %}
INNER JOIN kpi_metric
  ON kpi_metric.id = fact.metric_id
  AND kpi_metric.code IN ('{{ last | join("', '") }}')
{%- endif %};
{% endif %}
{% for figure in figures(table) if figure.rollup in periods.ADDED %}

-- step: {{ figure.rollup }}: {{ figure.code }} | figure={{ figure.code }}
INSERT INTO stage_kpi_value (date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  %(date_id)s,
  added.scope_id,
  added.target_id,
  added.metric_id,
{%- for column in ('value_num', 'numerator', 'denominator') %}
  {{ periods.added(figure.rollup, column, figure.factor) }},
{%- endfor %}
  added.whole,
  {{ periods.told_of_added(
    'stage_closing.as_of',
    'stage_closing.done_days',
    'stage_closing.is_over AND stage_closing.done_days = DATEDIFF(stage_closing.as_of, %(first)s) + 1'
  ) }}
FROM stage_closing
INNER JOIN (
  SELECT
    fact.scope_id,
    fact.target_id,
    fact.metric_id
{%- for name, value in (dict(periods.ADDED[figure.rollup], **periods.SAMPLE)).items() %},
    SUM({{ value }}) AS {{ name }}
{%- endfor %}
  FROM kpi_value AS fact
  INNER JOIN kpi_metric
    ON kpi_metric.id = fact.metric_id
    AND kpi_metric.code = '{{ figure.code }}'
  WHERE
    fact.date_id >= %(first)s
    AND fact.date_id <= %(last)s
    AND fact.period = 'D'
  GROUP BY fact.scope_id, fact.target_id, fact.metric_id
) AS added
  ON added.scope_id = stage_closing.scope_id;
{% endfor %}
{% for figure in figures(table) if figure.rollup == 'RECOMPUTE' %}

-- step: {{ figure.code }} | figure={{ figure.code }} each=closing
{{ stage.insert('stage_' ~ table, written, ['date_id']) }}
SELECT
{{- stage.columns(written, figure.code, ['date_id'], {'date_id': '%(date_id)s', 'extra_json': periods.told_of_closing('figure.extra_json')}) }}
FROM (
{% include 'roads/figure.sql' %}
) AS figure
INNER JOIN stage_closing
  ON stage_closing.scope_id = figure.scope_id
  AND stage_closing.as_of = %(as_of)s;
{% endfor %}

{{ writer.dates(written, scoped=true, compared='D' not in written.periods) }}
