/*
What the learners of %(learners)s add to the figures of %(as_of)s: run before their capture with %(sign)s = -1 and after it with 1, so that a sum
over both is what their change adds to each cell. Whose cells it leaves alone is not touched any further (refresh.sql).
*/
{% set mode = 'learners' %}
{% import 'macros/by_scope.sql' as by_scope with context %}
{% import 'macros/delays.sql' as delays with context %}
{% import 'macros/as_of.sql' as as_of with context %}
{% macro sample(figure, select) -%}
INSERT INTO stage_delay (figure, scope_id, target_id, event_id, sign, microseconds, reconstructed)
{{ select.split(delays.SAMPLE_END)[0] | trim }}

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
);

-- step: create states
CREATE TEMPORARY TABLE IF NOT EXISTS stage_state (
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') NOT NULL,
  state_code VARCHAR(32) NOT NULL,
  sign TINYINT NOT NULL,
  n INT NOT NULL,
  PRIMARY KEY (scope_id, target_id, domain, state_code, sign)
);

-- step: create orders of states
CREATE TEMPORARY TABLE IF NOT EXISTS stage_state_order (
  domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') NOT NULL,
  state_code VARCHAR(32) NOT NULL,
  sign TINYINT NOT NULL,
  lowest INT NOT NULL,
  highest INT NOT NULL,
  PRIMARY KEY (domain, state_code, sign)
);

-- step: create delays
CREATE TEMPORARY TABLE IF NOT EXISTS stage_delay (
  figure VARCHAR(80) NOT NULL COMMENT 'table.code',
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  event_id VARCHAR(64) NOT NULL,
  sign TINYINT NOT NULL,
  microseconds BIGINT NOT NULL,
  reconstructed TINYINT NOT NULL,
  KEY idx_cell (figure, scope_id, target_id)
);

-- step: create members
CREATE TEMPORARY TABLE IF NOT EXISTS stage_member (
  scope_id BIGINT NOT NULL,
  learner_id BIGINT NOT NULL,
  sign TINYINT NOT NULL,
  PRIMARY KEY (scope_id, learner_id, sign)
);

-- step: members
INSERT INTO stage_member (scope_id, learner_id, sign)
WITH {{ as_of.members() }}

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
