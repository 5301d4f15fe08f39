/*
code: ETATS
label: Répartition par état
unit: nb
agg: STATES
target_levels: [GLOBAL, MODULE, UA, COMPETENCE, MICRO_COMPETENCE, REFERENTIEL]
reads: {realisation: [MODULE, UA, COMPETENCE, MICRO_COMPETENCE]}
rollup: LAST
description: >
  For each scope and target of any of the six levels: how many (learner, ref) pairs at or below the target are in each
  state at the end of the day, domain by domain. A source row without state counts as UNKNOWN, ordered last (999).
example: >
  A group of 2 learners; a micro-competence with 2 UAs. Of the 4 (learner, UA) pairs 3 are DONE and 1 TODO: on the
  micro-competence the domain UA has DONE 3 and TODO 1; its own domain has one state per learner.
*/
SELECT
  learner_id,
  domain,
  ref_id,
  state_code,
  state_order,
  first_day,
  last_day
FROM realisation
