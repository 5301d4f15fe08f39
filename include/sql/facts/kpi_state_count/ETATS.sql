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
{% import 'macros/as_of.sql' as as_of -%}
{% import 'macros/by_scope.sql' as by_scope -%}
WITH {{ as_of.members() }},

{{ as_of.realisations(['MODULE', 'COMPETENCE', 'MICRO_COMPETENCE', 'UA']) }},

learner_count AS (
  SELECT
    realisation.learner_id,
    closure.ancestor_id AS target_id,
    realisation.domain,
    realisation.state_code,
    MAX(realisation.state_order) AS state_ordre,
    COUNT(*) AS n
  FROM realisation
  INNER JOIN kpi_target_closure AS closure
    ON closure.descendant_id = realisation.target_id
  GROUP BY realisation.learner_id, closure.ancestor_id, realisation.domain, realisation.state_code
),

{{ by_scope.cohorts() }},

cohort_count AS (
  SELECT
    cohort.cohort_id,
    learner_count.target_id,
    learner_count.domain,
    learner_count.state_code,
    MAX(learner_count.state_ordre) AS state_ordre,
    SUM(learner_count.n) AS n
  FROM learner_count
  INNER JOIN cohort
    ON cohort.learner_id = learner_count.learner_id
  GROUP BY cohort.cohort_id, learner_count.target_id, learner_count.domain, learner_count.state_code
)

SELECT
  member.scope_id,
  learner_count.target_id,
  learner_count.domain,
  learner_count.state_code,
  learner_count.state_ordre,
  learner_count.n
FROM learner_count
INNER JOIN member
  ON member.learner_id = learner_count.learner_id
  AND member.scope_type = 'APPRENANT'
UNION ALL
SELECT
  member.scope_id,
  cohort_count.target_id,
  cohort_count.domain,
  cohort_count.state_code,
  MAX(cohort_count.state_ordre) AS state_ordre,
  SUM(cohort_count.n) AS n
FROM cohort_count
INNER JOIN member
  ON member.learner_id = cohort_count.cohort_id
  AND member.scope_type <> 'APPRENANT'
GROUP BY member.scope_id, cohort_count.target_id, cohort_count.domain, cohort_count.state_code
