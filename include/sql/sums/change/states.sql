{# A few learners' rows: neither numbers nor the order of states, which roads/change looks at by itself. -#}
learner_count AS (
  SELECT
    observation.learner_id,
    closure.ancestor_id AS target_id,
    observation.domain,
    observation.state_code,
    COUNT(*) AS n
  FROM observation
  INNER JOIN kpi_target_closure AS closure
    ON closure.target_type = observation.domain
    AND closure.ref_id = observation.ref_id
  GROUP BY observation.learner_id, closure.ancestor_id, observation.domain, observation.state_code
),

state_sum AS (
  SELECT
    member.scope_id,
    learner_count.target_id,
    learner_count.domain,
    learner_count.state_code,
    SUM(learner_count.n) AS whole
  FROM learner_count
  INNER JOIN member
    ON member.learner_id = learner_count.learner_id
  GROUP BY member.scope_id, learner_count.target_id, learner_count.domain, learner_count.state_code
)
