{# One order for a state in all cells of a day. -#}
state_order AS (
  SELECT
    domain,
    state_code,
    MAX(state_order) AS state_ordre
  FROM observation
  GROUP BY domain, state_code
),

{% include 'sums/states.sql' %},

{% include 'sets/day/cohorts.sql' %},

-- The learners' own scopes: a target's own state needs no grouping, only what lies below it.
learner_count AS (
  SELECT /*+ NO_MERGE(numbered) */
    learner_id,
    target_id,
    state_no,
    1 AS n
  FROM numbered
  UNION ALL
  SELECT /*+ NO_INDEX(closure) NO_MERGE(numbered) */
    numbered.learner_id,
    closure.ancestor_id AS target_id,
    numbered.state_no,
    COUNT(*) AS n
  FROM kpi_target_closure AS closure
  INNER JOIN numbered
    ON numbered.target_id = closure.target_id
  WHERE closure.is_self = 0
  GROUP BY numbered.learner_id, closure.ancestor_id, numbered.state_no
),

-- All other scopes: counted by cohort first, where there are few rows left to spread over targets and scopes.
cohort_count AS (
  SELECT /*+ NO_MERGE(numbered) */
    cohort.cohort_id,
    numbered.target_id,
    numbered.state_no,
    COUNT(*) AS n
  FROM cohort
  INNER JOIN numbered
    ON numbered.learner_id = cohort.learner_id
  GROUP BY cohort.cohort_id, numbered.target_id, numbered.state_no
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
),

state_sum AS (
  SELECT
    scope_count.scope_id,
    scope_count.target_id,
    state.domain,
    state.state_code,
    state_order.state_ordre,
    scope_count.n AS whole
  FROM scope_count
  INNER JOIN state
    ON state.state_no = scope_count.state_no
  INNER JOIN state_order
    ON state_order.domain = state.domain
    AND state_order.state_code = state.state_code
)
