/*
The cells that a change touches, brought up to date: D of %(as_of)s, the week and the month to date, the windows that end with it, the tiles. What can
be added up is the kept sum and the difference; a median is taken anew from the cell's delays. Steps named `of …` run only when a figure of that
name was touched, or one of that table's delays (of kpi_value.DELAI_FEEDBACK, of kpi_value), the others always; then for each table `count existing`,
`update differences`, `insert missing` and `delete vanished`.
Dates: %(as_of)s today; %(week_first)s, %(week_last)s, %(month_first)s, %(month_last)s the period's first and last day.
*/
{% set mode = 'cells' %}
{% import 'macros/by_scope.sql' as by_scope with context %}
{% import 'macros/delays.sql' as delays with context %}
{% import 'macros/refresh.sql' as refresh with context %}
{% import 'macros/rollup.sql' as rollup with context %}
{% import 'macros/tiles.sql' as tiles %}
-- step: create totals
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

-- step: create delay cells
CREATE TEMPORARY TABLE IF NOT EXISTS stage_delay_cell (
  figure VARCHAR(80) NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  PRIMARY KEY (figure, scope_id, target_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: create delay closure
CREATE TEMPORARY TABLE IF NOT EXISTS stage_delay_closure (
  figure VARCHAR(80) NOT NULL,
  target_type ENUM('GLOBAL', 'MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE', 'REFERENTIEL') NOT NULL,
  ref_id BIGINT NOT NULL,
  ancestor_id BIGINT NOT NULL,
  ancestor_type ENUM('GLOBAL', 'MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE', 'REFERENTIEL') NOT NULL,
  PRIMARY KEY (figure, target_type, ref_id, ancestor_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: create delay scopes
CREATE TEMPORARY TABLE IF NOT EXISTS stage_delay_scope (
  id BIGINT NOT NULL PRIMARY KEY,
  scope_type ENUM('GLOBAL', 'SESSION', 'GROUPE', 'SOUS_GROUPE', 'FORMATEUR', 'APPRENANT') NOT NULL,
  ref_key BIGINT NOT NULL
) COLLATE utf8mb4_0900_ai_ci;

{{ refresh.create('kpi_value') }}

{{ refresh.create('kpi_state_count') }}

{{ refresh.create('kpi_percentiles') }}

{{ refresh.create('kpi_plan_gap') }}

{{ refresh.create('kpi_tile_cache', dated=false) }}

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
INSERT INTO stage_delay_cell (figure, scope_id, target_id)
SELECT DISTINCT
  figure,
  scope_id,
  target_id
FROM (
  SELECT
    figure,
    scope_id,
    target_id
  FROM stage_delay
  GROUP BY figure, scope_id, target_id, event_id, microseconds, reconstructed
  HAVING SUM(sign) <> 0
) AS difference;

-- step: delay closure
INSERT INTO stage_delay_closure (figure, target_type, ref_id, ancestor_id, ancestor_type)
SELECT DISTINCT
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

-- step: touched figures
SELECT DISTINCT figure
FROM stage_total
UNION DISTINCT
SELECT DISTINCT figure
FROM stage_delay_cell;

-- step: kpi_value: cells
INSERT INTO cell_kpi_value (period, date_id, scope_id, target_id, metric_id)
SELECT
  touched.period,
  touched.date_id,
  stage_total.scope_id,
  stage_total.target_id,
  kpi_metric.id
FROM stage_total
INNER JOIN ({{ refresh.listed(refresh.PARTS) }}
) AS touched
  ON touched.figure = stage_total.figure
INNER JOIN kpi_metric
  ON kpi_metric.code = touched.code;

-- step: of kpi_value: cells
INSERT INTO cell_kpi_value (period, date_id, scope_id, target_id, metric_id)
SELECT
  touched.period,
  touched.date_id,
  cell.scope_id,
  cell.target_id,
  kpi_metric.id
FROM stage_delay_cell AS cell
INNER JOIN ({{ refresh.listed(refresh.PARTS) }}
) AS touched
  ON cell.figure = CONCAT('kpi_value.', touched.figure)
INNER JOIN kpi_metric
  ON kpi_metric.code = touched.code;

-- step: of kpi_percentiles: cells
INSERT INTO cell_kpi_percentiles (period, date_id, scope_id, target_id, measure_code)
SELECT
  touched.period,
  touched.date_id,
  cell.scope_id,
  cell.target_id,
  SUBSTRING_INDEX(cell.figure, '.', -1)
FROM stage_delay_cell AS cell
CROSS JOIN ({{ refresh.periods() }}
) AS touched
WHERE cell.figure LIKE 'kpi\_percentiles.%';
{% for metric in metrics() %}
{% set select %}{% with mode = 'learners' %}{% include metric.template %}{% endwith %}{% endset %}
{% if by_scope.SUMS_END in select %}
-- step: of {{ metric.code }}: D
INSERT INTO fresh_kpi_value (period, date_id, metric_id, scope_id, target_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  'D',
  %(as_of)s,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = '{{ metric.code }}'),
  figure.scope_id,
  figure.target_id,
  figure.value_num,
  figure.numerator,
  figure.denominator,
  figure.sample_size,
  figure.extra_json
FROM (
WITH scope_sum AS (
  SELECT
    scope_id,
    target_id,
    part,
    whole,
    reconstructed
  FROM stage_total
  WHERE
    figure = '{{ metric.code }}'
    AND whole > 0
)
{{ select.split(by_scope.SUMS_END)[1] }}
) AS figure;
{% elif delays.SAMPLE_END in select %}
{% set parts = refresh.PARTS | selectattr('metric.code', 'equalto', metric.code) | list %}
{% set select %}{% with figure = 'kpi_value.' ~ metric.code %}{% include metric.template %}{% endwith %}{% endset %}
-- step: of kpi_value.{{ metric.code }}: D, W, M, R
INSERT INTO fresh_kpi_value (period, date_id, metric_id, scope_id, target_id, value_num, numerator, denominator, sample_size, extra_json)
WITH {{ refresh.begun(parts) }}

SELECT
  told.period,
  told.date_id,
  kpi_metric.id,
  figure.scope_id,
  figure.target_id,
  figure.value_num,
  figure.numerator,
  figure.denominator,
  figure.sample_size,
  IF(
    told.period = 'D',
    figure.extra_json,
    {{ rollup.told('figure.extra_json', '%(as_of)s', 'DATEDIFF(%(as_of)s, told.since) + 1', '%(as_of)s = told.date_id') | indent(2) }}
  )
FROM (
{{ refresh.since_earliest(select, parts) }}
) AS figure
INNER JOIN part AS told
  ON told.part_no = figure.part_no
INNER JOIN kpi_metric
  ON kpi_metric.code = told.code;
{% endif %}
{% endfor %}

{{ refresh.write('kpi_value', "= 'D'") }}
{% set parts = refresh.PARTS | rejectattr('period', 'equalto', 'D') | list %}
{% set as_today = parts | rejectattr('rule', 'in', rollup.ADDED | list) | list %}
{% if as_today %}

-- step: W, M, R: the day's figures (LAST, RECOMPUTE)
INSERT INTO fresh_kpi_value (period, date_id, metric_id, scope_id, target_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  touched.period,
  touched.date_id,
  told.id,
  fact.scope_id,
  fact.target_id,
  fact.value_num,
  fact.numerator,
  fact.denominator,
  fact.sample_size,
  {{ rollup.told('fact.extra_json', '%(as_of)s', 'DATEDIFF(%(as_of)s, touched.since) + 1', '%(as_of)s = touched.date_id') }}
FROM stage_total
INNER JOIN ({{ refresh.listed(as_today) }}
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
INNER JOIN kpi_metric AS told
  ON told.code = touched.code;
{% endif %}
{% set parts = parts | selectattr('rule', 'in', rollup.ADDED | list) | list %}
{% if parts %}

{{ refresh.added_up(parts) }}
{% endif %}

{{ refresh.write('kpi_value', "<> 'D'") }}

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
CROSS JOIN ({{ refresh.periods() }}
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
CROSS JOIN ({{ refresh.periods() }}
) AS touched
WHERE total.n > 0;

{{ refresh.write('kpi_state_count') }}
{% for measure in measures('kpi_percentiles') %}
{% set parts = [] %}
{% for one in refresh.TO_DATE %}
{% set _ = parts.append(dict(one, metric={'code': measure.code, 'factor': 1}, code=measure.code, rule='RECOMPUTE')) %}
{% endfor %}
{% set select %}{% with figure = 'kpi_percentiles.' ~ measure.code %}{% include 'facts/kpi_percentiles/' ~ measure.code ~ '.sql' %}{% endwith %}{% endset %}

-- step: of kpi_percentiles.{{ measure.code }}: D, W, M
INSERT INTO fresh_kpi_percentiles (period, date_id, measure_code, scope_id, target_id, p50, p75, p90, sample_size)
WITH {{ refresh.begun(parts) }}

SELECT
  told.period,
  told.date_id,
  told.code,
  figure.scope_id,
  figure.target_id,
  figure.p50,
  figure.p75,
  figure.p90,
  figure.sample_size
FROM (
{{ refresh.since_earliest(select, parts) }}
) AS figure
INNER JOIN part AS told
  ON told.part_no = figure.part_no;
{% endfor %}

{{ refresh.write('kpi_percentiles') }}
{% for measure in measures('kpi_plan_gap') %}

-- step: of {{ measure.code }}: cells of kpi_plan_gap
INSERT INTO cell_kpi_plan_gap (period, date_id, scope_id, target_id)
SELECT
  touched.period,
  touched.date_id,
  stage_total.scope_id,
  stage_total.target_id
FROM stage_total
CROSS JOIN ({{ refresh.periods(day=false) }}
) AS touched
WHERE stage_total.figure = '{{ measure.code }}';

-- step: of {{ measure.code }}: W, M of kpi_plan_gap
INSERT INTO fresh_kpi_plan_gap (period, date_id, scope_id, target_id, expected_count, done_count)
SELECT
  touched.period,
  touched.date_id,
  stage_total.scope_id,
  stage_total.target_id,
  stage_total.part,
  stage_total.done
FROM stage_total
CROSS JOIN ({{ refresh.periods(day=false) }}
) AS touched
WHERE
  stage_total.figure = '{{ measure.code }}'
  AND stage_total.whole > 0;
{% endfor %}

{{ refresh.write('kpi_plan_gap') }}

-- step: kpi_tile_cache: cells
INSERT INTO cell_kpi_tile_cache (scope_id, target_id)
SELECT DISTINCT
  scope_id,
  target_id
FROM cell_kpi_value;
{% set latest %}{{ refresh.periods() }}
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

{{ refresh.write('kpi_tile_cache', dated=false) }}
