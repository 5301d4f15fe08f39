/*
code: ETATS
label: Répartition par état
unit: nb
rollup: LAST
description: >
  For each scope and target of any of the six levels: how many (learner, ref) pairs at or below the target are in each
  state at the end of the day, domain by domain. A source row without state counts as UNKNOWN, ordered last (999).
example: >
  A group of 2 learners; a micro-competence with 2 UAs. Of the 4 (learner, UA) pairs 3 are DONE and 1 TODO: on the
  micro-competence the domain UA has DONE 3 and TODO 1; its own domain has one state per learner.
*/
{% import 'macros/as_of.sql' as as_of with context -%}
{% import 'macros/differences.sql' as differences with context -%}
WITH {{ as_of.members() }},

{{ as_of.realisations(['MODULE', 'COMPETENCE', 'MICRO_COMPETENCE', 'UA']) }},

{% if mode | default('day') == 'learners' -%}
-- A few learners' rows: neither numbers nor the order of states, which incremental/contributions.sql looks at by itself.
learner_count AS (
  SELECT
    realisation.learner_id,
    closure.ancestor_id AS target_id,
    realisation.domain,
    realisation.state_code,
    COUNT(*) AS n
  FROM realisation
  INNER JOIN kpi_target_closure AS closure
    ON closure.target_type = realisation.domain
    AND closure.ref_id = realisation.ref_id
  GROUP BY realisation.learner_id, closure.ancestor_id, realisation.domain, realisation.state_code
)

SELECT
  member.scope_id,
  learner_count.target_id,
  learner_count.domain,
  learner_count.state_code,
  SUM(learner_count.n) AS n
FROM learner_count
INNER JOIN member
  ON member.learner_id = learner_count.learner_id
GROUP BY member.scope_id, learner_count.target_id, learner_count.domain, learner_count.state_code
{%- else -%}
-- One order for a state in all cells of a day.
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
    FROM realisation
  ) AS used
  INNER JOIN {{ as_of.each_day_of('used.first_day', 'used.last_day') }}
  GROUP BY calendar.date_id, used.domain, used.state_code
),

-- A number for each state, since integers group several times faster than texts.
state AS (
  SELECT
    domain,
    state_code,
    ROW_NUMBER() OVER (ORDER BY domain, state_code) AS state_no
  FROM state_order
  GROUP BY domain, state_code
),

-- Each realisation by numbers alone.
observation AS (
  SELECT /*+ NO_INDEX(own) */
    realisation.learner_id,
    own.target_id,
    state.state_no,
    realisation.first_day,
    realisation.last_day
  FROM state
  INNER JOIN realisation
    ON realisation.domain = state.domain
    AND realisation.state_code = state.state_code
  INNER JOIN kpi_target_closure AS own
    ON own.target_type = realisation.domain
    AND own.ref_id = realisation.ref_id
    AND own.is_self = 1
),

{{ as_of.cohorts() }},

{% if mode | default('day') == 'range' -%}
observation_difference AS (
  {{ differences.begins_and_ends('observation', ['learner_id', 'target_id', 'state_no'], {'whole': '1'}) }}
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

{{ differences.to_scopes(['target_id', 'state_no'], ['whole']) }}

-- Each sum has its state. The left join keeps the planner from beginning with the states, and looking the sums up for each day.
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
{%- else -%}
-- The learners' own scopes: a target's own state needs no grouping, only what lies below it.
learner_count AS (
  SELECT /*+ NO_MERGE(observation) */
    learner_id,
    target_id,
    state_no,
    1 AS n
  FROM observation
  UNION ALL
  SELECT /*+ NO_INDEX(closure) NO_MERGE(observation) */
    observation.learner_id,
    closure.ancestor_id AS target_id,
    observation.state_no,
    COUNT(*) AS n
  FROM kpi_target_closure AS closure
  INNER JOIN observation
    ON observation.target_id = closure.target_id
  WHERE closure.is_self = 0
  GROUP BY observation.learner_id, closure.ancestor_id, observation.state_no
),

-- All other scopes: counted by cohort first, where there are few rows left to spread over targets and scopes.
cohort_count AS (
  SELECT /*+ NO_MERGE(observation) */
    cohort.cohort_id,
    observation.target_id,
    observation.state_no,
    COUNT(*) AS n
  FROM cohort
  INNER JOIN observation
    ON observation.learner_id = cohort.learner_id
  GROUP BY cohort.cohort_id, observation.target_id, observation.state_no
),

cohort_target_count AS (
  SELECT /*+ NO_INDEX(closure) */
    cohort_count.cohort_id,
    closure.ancestor_id AS target_id,
    cohort_count.state_no,
    SUM(cohort_count.n) AS n
  FROM kpi_target_closure AS closure
  INNER JOIN cohort_count
    ON cohort_count.target_id = closure.target_id
  GROUP BY cohort_count.cohort_id, closure.ancestor_id, cohort_count.state_no
),

scope_count AS (
  SELECT
    member.scope_id,
    learner_count.target_id,
    learner_count.state_no,
    learner_count.n
  FROM learner_count
  INNER JOIN member
    ON member.learner_id = learner_count.learner_id
    AND member.scope_type = 'APPRENANT'
  UNION ALL
  SELECT
    member.scope_id,
    cohort_target_count.target_id,
    cohort_target_count.state_no,
    SUM(cohort_target_count.n) AS n
  FROM cohort_target_count
  INNER JOIN member
    ON member.learner_id = cohort_target_count.cohort_id
    AND member.scope_type <> 'APPRENANT'
  GROUP BY member.scope_id, cohort_target_count.target_id, cohort_target_count.state_no
)

SELECT
  %(date_id)s AS date_id,
  scope_count.scope_id,
  scope_count.target_id,
  state.domain,
  state.state_code,
  state_order.state_ordre,
  scope_count.n
FROM scope_count
INNER JOIN state
  ON state.state_no = scope_count.state_no
INNER JOIN state_order
  ON state_order.domain = state.domain
  AND state_order.state_code = state.state_code
{%- endif %}
{%- endif %}
