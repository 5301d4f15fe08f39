/*
What the learners of %(learners)s add to the figures of %(as_of)s: run before their capture with %(sign)s = -1 and after it with 1, so that a sum
over both is what their change adds to each cell. Whose cells it leaves alone is not touched any further (refresh.sql). The steps
`look: …` tell what a change does not add to, and are run by name.
*/
{% set mode = 'learners' %}
{% import 'macros/by_scope.sql' as by_scope with context %}
{% import 'macros/delays.sql' as delays with context %}
{% import 'macros/as_of.sql' as as_of with context %}
{# The first day of the longest period that a delay of today is told in. #}
{% set longest = ([1] + metrics() | selectattr('rolling') | map(attribute='rolling.days') | sum(start=()) | list) | max %}
{% set since %}LEAST(CAST(%(week_first)s AS DATE), CAST(%(month_first)s AS DATE), CAST(%(as_of)s AS DATE) - INTERVAL {{ longest - 1 }} DAY){% endset %}
{% macro sample(figure, select) -%}
INSERT INTO stage_delay (figure, scope_id, target_id, event_id, sign, microseconds, reconstructed)
{{ select.split(delays.SAMPLE_END)[0] | trim | replace('%(since)s', since | trim) }}

SELECT
  '{{ figure }}',
  scope_id,
  target_id,
  event_id,
  %(sign)s,
  microseconds,
  reconstructed
FROM sample;
{%- endmacro %}

-- step: create contributions
CREATE TEMPORARY TABLE IF NOT EXISTS stage_contribution (
  figure VARCHAR(64) NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  sign TINYINT NOT NULL,
  part DECIMAL(50, 20) NOT NULL,
  done DECIMAL(50, 20) NOT NULL,
  whole BIGINT NOT NULL,
  reconstructed BIGINT NOT NULL,
  PRIMARY KEY (figure, scope_id, target_id, sign)
) COLLATE utf8mb4_0900_ai_ci;

-- step: create states
CREATE TEMPORARY TABLE IF NOT EXISTS stage_state (
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') NOT NULL,
  state_code VARCHAR(32) NOT NULL,
  sign TINYINT NOT NULL,
  n INT NOT NULL,
  PRIMARY KEY (scope_id, target_id, domain, state_code, sign)
) COLLATE utf8mb4_0900_ai_ci;

-- step: create orders of states
CREATE TEMPORARY TABLE IF NOT EXISTS stage_state_order (
  domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') NOT NULL,
  state_code VARCHAR(32) NOT NULL,
  sign TINYINT NOT NULL,
  lowest INT NOT NULL,
  highest INT NOT NULL,
  PRIMARY KEY (domain, state_code, sign)
) COLLATE utf8mb4_0900_ai_ci;

-- step: create delays
CREATE TEMPORARY TABLE IF NOT EXISTS stage_delay (
  id BIGINT AUTO_INCREMENT PRIMARY KEY COMMENT 'for servers that ask each table for a primary key',
  figure VARCHAR(80) NOT NULL COMMENT 'table.code',
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  event_id VARCHAR(64) NOT NULL,
  sign TINYINT NOT NULL,
  microseconds BIGINT NOT NULL,
  reconstructed TINYINT NOT NULL,
  KEY idx_cell (figure, scope_id, target_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: create members
CREATE TEMPORARY TABLE IF NOT EXISTS stage_member (
  scope_id BIGINT NOT NULL,
  learner_id BIGINT NOT NULL,
  sign TINYINT NOT NULL,
  PRIMARY KEY (scope_id, learner_id, sign)
) COLLATE utf8mb4_0900_ai_ci;

-- step: members
INSERT INTO stage_member (scope_id, learner_id, sign)
WITH {{ as_of.members(anew=true) }}

SELECT
  scope_id,
  learner_id,
  %(sign)s
FROM member;
{% for metric in metrics() %}
{% set select %}{% include metric.template %}{% endset %}
{% if by_scope.SUMS_END in select %}
-- step: sums: {{ metric.code }}
INSERT INTO stage_contribution (figure, scope_id, target_id, sign, part, done, whole, reconstructed)
{{ select.split(by_scope.SUMS_END)[0] | trim }}

SELECT
  '{{ metric.code }}',
  scope_id,
  target_id,
  %(sign)s,
  part,
  0,
  whole,
  reconstructed
FROM scope_sum;
{% elif delays.SAMPLE_END in select %}
-- step: delays: {{ metric.code }}
{{ sample('kpi_value.' ~ metric.code, select) }}
{% endif %}
{% endfor %}
{% for measure in measures('kpi_plan_gap') %}
{% set select %}{% include 'rollup/kpi_plan_gap/' ~ measure.code ~ '.sql' %}{% endset %}
-- step: sums: {{ measure.code }}
INSERT INTO stage_contribution (figure, scope_id, target_id, sign, part, done, whole, reconstructed)
{{ select.split(by_scope.SUMS_END)[0] | trim }}

SELECT
  '{{ measure.code }}',
  scope_id,
  target_id,
  %(sign)s,
  expected_count,
  done_count,
  whole,
  0
FROM scope_sum;
{% endfor %}
{% for measure in measures('kpi_percentiles') %}
{% set select %}{% include 'facts/kpi_percentiles/' ~ measure.code ~ '.sql' %}{% endset %}
-- step: delays: percentiles of {{ measure.code }}
{{ sample('kpi_percentiles.' ~ measure.code, select) }}
{% endfor %}
{% for measure in measures('kpi_state_count') %}
{% set select %}{% include 'facts/kpi_state_count/' ~ measure.code ~ '.sql' %}{% endset %}
-- step: states: {{ measure.code }}
INSERT INTO stage_state (scope_id, target_id, domain, state_code, sign, n)
SELECT
  counted.scope_id,
  counted.target_id,
  counted.domain,
  counted.state_code,
  %(sign)s,
  counted.n
FROM (
{{ select | trim }}
) AS counted;
{% endfor %}
-- step: orders of states
INSERT INTO stage_state_order (domain, state_code, sign, lowest, highest)
WITH {{ as_of.realisations(['MODULE', 'COMPETENCE', 'MICRO_COMPETENCE', 'UA']) }}

SELECT
  domain,
  state_code,
  %(sign)s,
  MIN(state_order),
  MAX(state_order)
FROM realisation
GROUP BY domain, state_code;

-- step: look: scopes begun or ended
-- Scopes that have members today and had none before, or the other way round: their periods close on another day.
SELECT changed.scope_id
FROM (
  SELECT
    scope_id,
    SUM(sign = -1) AS before_it,
    SUM(sign = 1) AS after_it
  FROM stage_member
  GROUP BY scope_id
  HAVING (before_it = 0) <> (after_it = 0)
) AS changed
INNER JOIN kpi_scope
  ON kpi_scope.id = changed.scope_id
INNER JOIN kpi_time AS day
  ON day.date_id = %(as_of)s
WHERE NOT EXISTS (
  SELECT 1
  FROM kpi_src_membership AS other
  WHERE
    {{ as_of.in_force('other') }}
    AND {{ as_of.active('other') }}
    AND other.scope_type = kpi_scope.scope_type
    AND other.scope_ref_id = kpi_scope.ref_key
    AND other.learner_id NOT IN (
      SELECT wanted.learner_id
      FROM {{ as_of.wanted() }}
    )
);

-- step: look: states of another order
-- How many states the learners' rows order otherwise than the day's rows do (those of everybody and everything), or no row has.
SELECT COUNT(*)
FROM stage_state_order AS learners
LEFT JOIN kpi_scope
  ON kpi_scope.scope_type = 'GLOBAL'
LEFT JOIN kpi_target
  ON kpi_target.target_type = 'GLOBAL'
LEFT JOIN kpi_state_count AS kept
  ON kept.date_id = %(as_of)s
  AND kept.period = 'D'
  AND kept.scope_id = kpi_scope.id
  AND kept.target_id = kpi_target.id
  AND kept.domain = learners.domain
  AND kept.state_code = learners.state_code
WHERE
  kept.id IS NULL
  OR learners.lowest <> kept.state_ordre
  OR learners.highest <> kept.state_ordre;

-- step: look: periods that have rows
-- Each period's last row is what the tiles of all scopes are told by. The least of an index is one row read; EXISTS reads a buffer full.
SELECT
{%- for period, date_id in (('D', 'as_of'), ('W', 'week_last'), ('M', 'month_last'), ('R', 'as_of')) %}
  (SELECT MIN(scope_id) FROM kpi_value WHERE date_id = %({{ date_id }})s AND period = '{{ period }}') IS NOT NULL AS has_{{ period | lower }}{{ ',' if not loop.last }}
{%- endfor %};
