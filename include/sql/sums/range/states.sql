{# One order for a state in all cells of a day. -#}
{% import 'sets/in_force.sql' as in_force -%}
{% import 'sums/range/differences.sql' as differences with context -%}
state_order AS (
  SELECT
    calendar.date_id,
    used.domain,
    used.state_code,
    MAX(used.state_order) AS state_ordre
  FROM (
    SELECT DISTINCT
      domain,
      state_code,
      state_order,
      first_day,
      last_day
    FROM observation
  ) AS used
  INNER JOIN {{ in_force.each_day_of('used.first_day', 'used.last_day') }}
  GROUP BY calendar.date_id, used.domain, used.state_code
),

{% include 'sums/states.sql' %},

{% include 'sets/range/cohorts.sql' %},

observation_difference AS (
  {{ differences.begins_and_ends('numbered', ['learner_id', 'target_id', 'state_no'], {'whole': '1'}) }}
),

learner_difference AS (
  SELECT /*+ NO_INDEX(closure) */
    difference.learner_id,
    closure.ancestor_id AS target_id,
    difference.state_no,
    difference.day,
    SUM(difference.whole) AS whole
  FROM kpi_target_closure AS closure
  INNER JOIN observation_difference AS difference
    ON difference.target_id = closure.target_id
  GROUP BY difference.learner_id, closure.ancestor_id, difference.state_no, difference.day
),

state_of_day AS (
  SELECT
    state_order.date_id,
    state.state_no,
    state.domain,
    state.state_code,
    state_order.state_ordre
  FROM state
  INNER JOIN state_order
    ON state_order.domain = state.domain
    AND state_order.state_code = state.state_code
),

{{ differences.to_scopes(['target_id', 'state_no'], ['whole']) }},

-- Each sum has its state. The left join keeps the planner from beginning with the states, and looking the sums up for each day.
state_sum AS (
  SELECT /*+ NO_MERGE(state_of_day) */
    scope_sum.date_id,
    scope_sum.scope_id,
    scope_sum.target_id,
    state_of_day.domain,
    state_of_day.state_code,
    state_of_day.state_ordre,
    scope_sum.whole
  FROM scope_sum
  LEFT JOIN state_of_day
    ON state_of_day.date_id = scope_sum.date_id
    AND state_of_day.state_no = scope_sum.state_no
)
