{# States by number, since integers group several times faster than texts, and each observation by numbers alone. -#}
{% import 'sets/in_force.sql' as in_force -%}
state AS (
  SELECT
    domain,
    state_code,
    ROW_NUMBER() OVER (ORDER BY domain, state_code) AS state_no
  FROM state_order
  GROUP BY domain, state_code
),

numbered AS (
  SELECT /*+ NO_INDEX(own) */
    observation.learner_id,
    own.target_id,
    state.state_no,
    observation.first_day,
    observation.last_day
  FROM state
  INNER JOIN observation
    ON observation.domain = state.domain
    AND observation.state_code = state.state_code
  INNER JOIN kpi_target_closure AS own
    ON own.target_type = observation.domain
    AND own.ref_id = observation.ref_id
    AND own.is_self = 1
)
