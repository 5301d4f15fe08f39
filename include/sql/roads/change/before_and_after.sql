/*
What the learners of %(learners)s add to the figures of %(as_of)s: run before their capture with %(sign)s = -1 and after it with 1, so that a sum
over both is what their change adds to each cell. Whose cells it leaves alone is not touched any further (roads/change/cells.sql). What a
change does not add to is looked at by the steps of phase `look`. Delays are of the days since %(since)s.
*/
{% import 'sets/in_force.sql' as in_force with context %}
{% import 'sets/day/instants.sql' as instants %}
{% set folders = ['change', 'day'] %}
-- step: contributions | phase=create
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

-- step: states | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_state (
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  domain {{ enum(domains) }} NOT NULL,
  state_code VARCHAR(32) NOT NULL,
  sign TINYINT NOT NULL,
  n INT NOT NULL,
  PRIMARY KEY (scope_id, target_id, domain, state_code, sign)
) COLLATE utf8mb4_0900_ai_ci;

-- step: orders of states | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_state_order (
  domain {{ enum(domains) }} NOT NULL,
  state_code VARCHAR(32) NOT NULL,
  sign TINYINT NOT NULL,
  lowest INT NOT NULL,
  highest INT NOT NULL,
  PRIMARY KEY (domain, state_code, sign)
) COLLATE utf8mb4_0900_ai_ci;

-- step: delays | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_delay (
  id BIGINT AUTO_INCREMENT PRIMARY KEY COMMENT 'for servers that ask each table for a primary key',
  fact_table VARCHAR(64) NOT NULL,
  figure VARCHAR(64) NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  event_id VARCHAR(64) NOT NULL,
  sign TINYINT NOT NULL,
  microseconds BIGINT NOT NULL,
  reconstructed TINYINT NOT NULL,
  KEY idx_cell (fact_table, figure, scope_id, target_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: members | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_member (
  scope_id BIGINT NOT NULL,
  learner_id BIGINT NOT NULL,
  sign TINYINT NOT NULL,
  PRIMARY KEY (scope_id, learner_id, sign)
) COLLATE utf8mb4_0900_ai_ci;

-- step: members
INSERT INTO stage_member (scope_id, learner_id, sign)
SELECT
  kpi_scope.id,
  membership.learner_id,
  %(sign)s
FROM kpi_time AS day
CROSS JOIN {{ in_force.wanted() }}
INNER JOIN kpi_src_membership AS membership
  ON {{ in_force.at_end('membership') }}
  AND membership.learner_id = wanted.learner_id
  AND {{ in_force.active('membership') }}
INNER JOIN kpi_scope
  ON kpi_scope.scope_type = membership.scope_type
  AND kpi_scope.ref_key = membership.scope_ref_id
WHERE day.date_id = %(as_of)s;
{% for table in fact_tables %}
{% for figure in figures(table) if figure.kind != 'own' %}
{% set needs = ' needs=feedback' if 'feedback' in figure.reads else '' %}

-- step: {{ table }}: {{ figure.code }} | table={{ table }} figure={{ figure.code }}{{ needs }}
{% if figure.kind == 'additive' %}
INSERT INTO stage_contribution (figure, scope_id, target_id, sign, {{ day_sums | join(', ') }})
{% include 'roads/observed.sql' %}

SELECT
  '{{ figure.code }}',
  scope_id,
  target_id,
  %(sign)s
{%- for name in day_sums %},
  {{ name if name in figure.sums else '0' }}
{%- endfor %}
FROM scope_sum;
{% elif figure.kind == 'delays' %}
INSERT INTO stage_delay (fact_table, figure, scope_id, target_id, event_id, sign, microseconds, reconstructed)
{% include 'roads/observed.sql' %}

SELECT
  '{{ table }}',
  '{{ figure.code }}',
  scope_id,
  target_id,
  event_id,
  %(sign)s,
  microseconds,
  reconstructed
FROM sample;
{% else %}
INSERT INTO stage_state (scope_id, target_id, domain, state_code, sign, n)
{% include 'roads/observed.sql' %}

SELECT
  scope_id,
  target_id,
  domain,
  state_code,
  %(sign)s,
  whole
FROM state_sum;

-- step: orders of states
INSERT INTO stage_state_order (domain, state_code, sign, lowest, highest)
WITH {% include 'sets/change/realisation.sql' %}

SELECT
  domain,
  state_code,
  %(sign)s,
  MIN(state_order),
  MAX(state_order)
FROM realisation
GROUP BY domain, state_code;
{% endif %}
{% endfor %}
{% endfor %}

-- step: scopes begun or ended | phase=look gives=begun_or_ended
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
    {{ in_force.at_end('other') }}
    AND {{ in_force.active('other') }}
    AND other.scope_type = kpi_scope.scope_type
    AND other.scope_ref_id = kpi_scope.ref_key
    AND other.learner_id NOT IN (
      SELECT wanted.learner_id
      FROM {{ in_force.wanted() }}
    )
);

-- step: states of another order | phase=look gives=reordered
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

-- step: periods that have rows | phase=look gives=latest
-- Each period's last row is what the tiles of all scopes are told by. The least of an index is one row read; EXISTS reads a buffer full.
SELECT
{%- for period in all_periods %}
  {%- set date_id = period_words[period].name ~ '_last' if period in calendar_periods else 'as_of' %}
  (SELECT MIN(scope_id) FROM kpi_value WHERE date_id = %({{ date_id }})s AND period = '{{ period }}') IS NOT NULL AS has_{{ period | lower }}{{ ',' if not loop.last }}
{%- endfor %};
