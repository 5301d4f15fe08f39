/*
Writes what changes of the open day, %(as_of)s, do to the cells that they touch, in all its periods: the day's exact sums and what the learners' change adds
to them (roads/change/before_and_after.sql) give the figures as on the day's own road; delays are looked at anew, for the touched cells alone.
For each table, cell_<table> lists the touched cells, and fresh_<table> what they hold now; a touched cell that has no such row is gone.
Dates: %(as_of)s today; %(week_first)s, %(week_last)s, %(month_first)s, %(month_last)s the period's first and last day; %(since)s the first day of the
longest period.
*/
{% import 'writer/stage.sql' as stage %}
{% import 'writer/write.sql' as writer %}
{% import 'roads/periods.sql' as periods with context %}
{% import 'roads/change/parts.sql' as parts with context %}
{% import 'sets/day/instants.sql' as instants %}
{% import 'macros/tiles.sql' as tiles with context %}
{% set cell = ['scope_id', 'target_id'] %}
-- step: totals | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_total (
  figure VARCHAR(64) NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  part DECIMAL(50, 20) NOT NULL,
  done DECIMAL(50, 20) NOT NULL,
  whole BIGINT NOT NULL,
  reconstructed BIGINT NOT NULL,
  PRIMARY KEY (figure, scope_id, target_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: delay cells | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_delay_cell (
  fact_table VARCHAR(64) NOT NULL,
  figure VARCHAR(64) NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  PRIMARY KEY (fact_table, figure, scope_id, target_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: delay closure | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_delay_closure (
  fact_table VARCHAR(64) NOT NULL,
  figure VARCHAR(64) NOT NULL,
  target_type {{ enum(target_types) }} NOT NULL,
  ref_id BIGINT NOT NULL,
  ancestor_id BIGINT NOT NULL,
  ancestor_type {{ enum(target_types) }} NOT NULL,
  PRIMARY KEY (fact_table, figure, target_type, ref_id, ancestor_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: delay scopes | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_delay_scope (
  id BIGINT NOT NULL PRIMARY KEY,
  scope_type {{ enum(scope_types) }} NOT NULL,
  ref_key BIGINT NOT NULL
) COLLATE utf8mb4_0900_ai_ci;
{% for written in written_tables.values() %}
{% set before = {'period': enum(all_periods), 'date_id': 'DATE'} if written.periods else {} %}

-- step: cells of {{ written.name }} | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS cell_{{ written.name }} (
{%- for column, type in dict(before, **written.key).items() %}
  {{ column }} {{ type }} NOT NULL,
{%- endfor %}
  PRIMARY KEY ({{ dict(before, **written.key) | join(', ') }})
) COLLATE utf8mb4_0900_ai_ci;

{{ stage.create('fresh_' ~ written.name, written, before) }}
{% endfor %}

-- step: totals
INSERT INTO stage_total (figure, scope_id, target_id, part, done, whole, reconstructed)
SELECT
  difference.figure,
  difference.scope_id,
  difference.target_id,
  COALESCE(kept.part, 0) + difference.part,
  COALESCE(kept.done, 0) + difference.done,
  COALESCE(kept.whole, 0) + difference.whole,
  COALESCE(kept.reconstructed, 0) + difference.reconstructed
FROM (
  SELECT
    figure,
    scope_id,
    target_id,
{%- for name in ('part', 'done', 'whole', 'reconstructed') %}
    SUM(sign * {{ name }}) AS {{ name }}{{ ',' if not loop.last }}
{%- endfor %}
  FROM stage_contribution
  GROUP BY figure, scope_id, target_id
  HAVING
    SUM(sign * part) <> 0
    OR SUM(sign * done) <> 0
    OR SUM(sign * whole) <> 0
    OR SUM(sign * reconstructed) <> 0
) AS difference
LEFT JOIN kpi_day_sum AS kept
  ON kept.figure = difference.figure
  AND kept.scope_id = difference.scope_id
  AND kept.target_id = difference.target_id;

-- step: keep sums
INSERT INTO kpi_day_sum (figure, scope_id, target_id, part, done, whole, reconstructed)
SELECT
  new.figure,
  new.scope_id,
  new.target_id,
  new.part,
  new.done,
  new.whole,
  new.reconstructed
FROM (
  SELECT
    figure,
    scope_id,
    target_id,
    part,
    done,
    whole,
    reconstructed
  FROM stage_total
  WHERE whole > 0
) AS new
ON DUPLICATE KEY UPDATE
  part = new.part,
  done = new.done,
  whole = new.whole,
  reconstructed = new.reconstructed;

-- step: remove sums of nothing
DELETE kept
FROM stage_total
INNER JOIN kpi_day_sum AS kept
  ON kept.figure = stage_total.figure
  AND kept.scope_id = stage_total.scope_id
  AND kept.target_id = stage_total.target_id
WHERE stage_total.whole = 0;

-- step: delay cells
INSERT INTO stage_delay_cell (fact_table, figure, scope_id, target_id)
SELECT DISTINCT
  fact_table,
  figure,
  scope_id,
  target_id
FROM (
  SELECT
    fact_table,
    figure,
    scope_id,
    target_id
  FROM stage_delay
  GROUP BY fact_table, figure, scope_id, target_id, event_id, microseconds, reconstructed
  HAVING SUM(sign) <> 0
) AS difference;

-- step: delay closure
INSERT INTO stage_delay_closure (fact_table, figure, target_type, ref_id, ancestor_id, ancestor_type)
SELECT DISTINCT
  cell.fact_table,
  cell.figure,
  closure.target_type,
  closure.ref_id,
  closure.ancestor_id,
  closure.ancestor_type
FROM stage_delay_cell AS cell
INNER JOIN kpi_target_closure AS closure
  ON closure.ancestor_id = cell.target_id;

-- step: delay scopes
INSERT INTO stage_delay_scope (id, scope_type, ref_key)
SELECT
  id,
  scope_type,
  ref_key
FROM kpi_scope
WHERE id IN (SELECT stage_delay_cell.scope_id FROM stage_delay_cell);

-- step: touched figures | gives=touched
SELECT DISTINCT
  NULL AS fact_table,
  figure
FROM stage_total
UNION ALL
SELECT DISTINCT
  fact_table,
  figure
FROM stage_delay_cell;

{% set all_parts = [] %}
{% for figure in figures('kpi_value') %}
{{- parts.add_own(all_parts, figure, fact_tables['kpi_value'].periods) | trim -}}
{{- parts.add_windows(all_parts, figure) | trim -}}
{% endfor %}
-- step: kpi_value: cells
INSERT INTO cell_kpi_value (period, date_id, scope_id, target_id, metric_id)
SELECT
  touched.period,
  touched.date_id,
  stage_total.scope_id,
  stage_total.target_id,
  kpi_metric.id
FROM stage_total
INNER JOIN ({{ parts.listed(all_parts) }}
) AS touched
  ON touched.figure = stage_total.figure
INNER JOIN kpi_metric
  ON kpi_metric.code = touched.code;

-- step: kpi_value: cells of delays | needs=kpi_value
INSERT INTO cell_kpi_value (period, date_id, scope_id, target_id, metric_id)
SELECT
  touched.period,
  touched.date_id,
  cell.scope_id,
  cell.target_id,
  kpi_metric.id
FROM stage_delay_cell AS cell
INNER JOIN ({{ parts.listed(all_parts) }}
) AS touched
  ON touched.figure = cell.figure
INNER JOIN kpi_metric
  ON kpi_metric.code = touched.code
WHERE cell.fact_table = 'kpi_value';

-- step: kpi_percentiles: cells | needs=kpi_percentiles
INSERT INTO cell_kpi_percentiles (period, date_id, scope_id, target_id, measure_code)
SELECT
  touched.period,
  touched.date_id,
  cell.scope_id,
  cell.target_id,
  cell.figure
FROM stage_delay_cell AS cell
CROSS JOIN ({{ parts.to_date(fact_tables['kpi_percentiles'].periods) }}
) AS touched
WHERE cell.fact_table = 'kpi_percentiles';
{% for figure in figures('kpi_value') if figure.kind == 'additive' %}

-- step: {{ figure.code }}: D | figure={{ figure.code }} needs={{ figure.code }}
{{ stage.insert('fresh_kpi_value', fact_tables['kpi_value'], ['period', 'date_id']) }}
SELECT
{{- stage.columns(fact_tables['kpi_value'], figure.code, ['period', 'date_id'], {'period': "'D'", 'date_id': '%(as_of)s'}) }}
FROM (
{% include 'roads/change/from_totals.sql' %}
) AS figure;
{% endfor %}
{% set folders = ['cells', 'day'] %}
{% for table in ('kpi_value', 'kpi_percentiles') %}
{% for figure in figures(table) if figure.kind == 'delays' %}
{% set cell = ['part_no', 'scope_id', 'target_id'] %}
{% set own = [] %}
{{- parts.add_own(own, figure, fact_tables[table].periods) | trim -}}
{{- parts.add_windows(own, figure) | trim -}}

-- step: {{ figure.code }}: all periods | figure={{ figure.code }} needs={{ table }}.{{ figure.code }}
{{ stage.insert('fresh_' ~ table, fact_tables[table], ['period', 'date_id']) }}
WITH {{ parts.begun(own) }}

SELECT
{{- stage.columns(fact_tables[table], figure.code, ['period', 'date_id'], {
  'period': 'figure_part.period',
  'date_id': 'figure_part.date_id',
  'metric_id': '(SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = figure_part.code)',
  'extra_json': "IF(\n    figure_part.period = 'D',\n    figure.extra_json,\n    " ~ periods.told('figure.extra_json', '%(as_of)s', 'DATEDIFF(%(as_of)s, figure_part.since) + 1', '%(as_of)s = figure_part.date_id') ~ '\n  )'
}) }}
FROM (
{% include 'roads/figure.sql' %}
) AS figure
INNER JOIN part AS figure_part
  ON figure_part.part_no = figure.part_no;
{% endfor %}
{% endfor %}

{{ writer.cells(fact_tables['kpi_value'], "= 'D'", 'day') }}
{% set to_date = all_parts | rejectattr('period', 'equalto', 'D') | list %}
{% set as_today = to_date | rejectattr('rule', 'in', periods.ADDED | list) | list %}
{% if as_today %}

-- step: W, M, R: the day's figures (LAST, RECOMPUTE)
INSERT INTO fresh_kpi_value (period, date_id, metric_id, scope_id, target_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  touched.period,
  touched.date_id,
  written_metric.id,
  fact.scope_id,
  fact.target_id,
  fact.value_num,
  fact.numerator,
  fact.denominator,
  fact.sample_size,
  {{ periods.told('fact.extra_json', '%(as_of)s', 'DATEDIFF(%(as_of)s, touched.since) + 1', '%(as_of)s = touched.date_id') }}
FROM stage_total
INNER JOIN ({{ parts.listed(as_today) }}
) AS touched
  ON touched.figure = stage_total.figure
INNER JOIN kpi_metric
  ON kpi_metric.code = stage_total.figure
INNER JOIN kpi_value AS fact
  ON fact.date_id = %(as_of)s
  AND fact.period = 'D'
  AND fact.scope_id = stage_total.scope_id
  AND fact.target_id = stage_total.target_id
  AND fact.metric_id = kpi_metric.id
INNER JOIN kpi_metric AS written_metric
  ON written_metric.code = touched.code;
{% endif %}
{% set adding_up = to_date | selectattr('rule', 'in', periods.ADDED | list) | list %}
{% if adding_up %}

{{ parts.added_up(adding_up) }}
{% endif %}

{{ writer.cells(fact_tables['kpi_value'], "<> 'D'", 'periods') }}

-- step: kpi_state_count: cells
INSERT INTO cell_kpi_state_count (period, date_id, scope_id, target_id, domain, state_code)
SELECT
  touched.period,
  touched.date_id,
  difference.scope_id,
  difference.target_id,
  difference.domain,
  difference.state_code
FROM (
  SELECT
    scope_id,
    target_id,
    domain,
    state_code
  FROM stage_state
  GROUP BY scope_id, target_id, domain, state_code
  HAVING SUM(sign * n) <> 0
) AS difference
CROSS JOIN ({{ parts.to_date(fact_tables['kpi_state_count'].periods) }}
) AS touched;

-- step: kpi_state_count: D, W, M
-- A state has the order that the day's rows give it; one that no row has yet, its learners'.
INSERT INTO fresh_kpi_state_count (period, date_id, scope_id, target_id, domain, state_code, state_ordre, count)
SELECT
  touched.period,
  touched.date_id,
  total.scope_id,
  total.target_id,
  total.domain,
  total.state_code,
  total.state_ordre,
  total.n
FROM (
  SELECT
    difference.scope_id,
    difference.target_id,
    difference.domain,
    difference.state_code,
    stage_state_order.highest AS state_ordre,
    COALESCE(kept.count, 0) + difference.n AS n
  FROM (
    SELECT
      scope_id,
      target_id,
      domain,
      state_code,
      SUM(sign * n) AS n
    FROM stage_state
    GROUP BY scope_id, target_id, domain, state_code
    HAVING SUM(sign * n) <> 0
  ) AS difference
  INNER JOIN (
    SELECT
      domain,
      state_code,
      MAX(highest) AS highest
    FROM stage_state_order
    GROUP BY domain, state_code
  ) AS stage_state_order
    ON stage_state_order.domain = difference.domain
    AND stage_state_order.state_code = difference.state_code
  LEFT JOIN kpi_state_count AS kept
    ON kept.date_id = %(as_of)s
    AND kept.period = 'D'
    AND kept.scope_id = difference.scope_id
    AND kept.target_id = difference.target_id
    AND kept.domain = difference.domain
    AND kept.state_code = difference.state_code
) AS total
CROSS JOIN ({{ parts.to_date(fact_tables['kpi_state_count'].periods) }}
) AS touched
WHERE total.n > 0;

{{ writer.cells(fact_tables['kpi_state_count']) }}

{{ writer.cells(fact_tables['kpi_percentiles']) }}
{% for table, written in fact_tables.items() if 'metric_id' not in written.key %}
{% for figure in figures(table) if figure.kind == 'additive' %}

-- step: {{ figure.code }}: cells of {{ table }} | figure={{ figure.code }} needs={{ figure.code }}
INSERT INTO cell_{{ table }} (period, date_id, scope_id, target_id)
SELECT
  touched.period,
  touched.date_id,
  stage_total.scope_id,
  stage_total.target_id
FROM stage_total
CROSS JOIN ({{ parts.to_date(written.periods) }}
) AS touched
WHERE stage_total.figure = '{{ figure.code }}';

-- step: {{ figure.code }}: all periods | figure={{ figure.code }} needs={{ figure.code }}
{{ stage.insert('fresh_' ~ table, written, ['period', 'date_id']) }}
SELECT
{{- stage.columns(written, figure.code, ['period', 'date_id'], {'period': 'touched.period', 'date_id': 'touched.date_id'}) }}
FROM (
{% include 'roads/change/from_totals.sql' %}
) AS figure
CROSS JOIN ({{ parts.to_date(written.periods) }}
) AS touched;
{% if loop.last %}

{{ writer.cells(written) }}
{% endif %}
{% endfor %}
{% endfor %}

-- step: kpi_tile_cache: cells
INSERT INTO cell_kpi_tile_cache (scope_id, target_id)
SELECT DISTINCT
  scope_id,
  target_id
FROM cell_kpi_value;
{% set latest %}{{ parts.to_date(fact_tables['kpi_value'].periods) }}
  UNION ALL
  SELECT
    'R' AS period,
    CAST(%(as_of)s AS DATE) AS date_id,
    CAST(%(as_of)s AS DATE) AS since
{% endset %}
{% set facts %}
CROSS JOIN cell_kpi_tile_cache
INNER JOIN kpi_value AS fact FORCE INDEX (uq_val)
  ON fact.date_id = latest.date_id
  AND fact.period = latest.period
  AND fact.scope_id = cell_kpi_tile_cache.scope_id
  AND fact.target_id = cell_kpi_tile_cache.target_id
{% endset %}

{{ tiles.stage(latest | trim, facts, into='fresh_kpi_tile_cache') }}

{{ writer.cells(written_tables['kpi_tile_cache']) }}
