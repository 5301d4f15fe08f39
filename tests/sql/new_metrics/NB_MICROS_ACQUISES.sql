/*
code: NB_MICROS_ACQUISES
label: Micro-compétences acquises
unit: nb
agg: COUNT
counts: flow
higher_is_better: true
category: MAITRISE
target_levels: [GLOBAL, MODULE]
reads: {realisation: [MICRO_COMPETENCE]}
rollup: SUM
rolling: {rule: SUM, days: [2, 7]}
description: >
  The days that (learner, micro-competence) pairs at or below the target spent in a final state: each day counts anew.
example: >
  3 pairs are DONE on Monday, 4 on Tuesday: value_num = 3 and 4, over the two days 7.
*/
SELECT
  learner_id,
  domain,
  ref_id,
  is_final AS part,
  reconstructed,
  first_day,
  last_day
FROM realisation
