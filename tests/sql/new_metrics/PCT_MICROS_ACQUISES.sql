/*
code: PCT_MICROS_ACQUISES
label: '% micro-compétences acquises'
unit: '%'
agg: PCT
counts: stock
higher_is_better: true
category: MAITRISE
target_levels: [GLOBAL, MODULE]
reads: {realisation: [MICRO_COMPETENCE]}
rollup: RATIO_OF_SUMS
description: >
  Of the (learner, micro-competence) pairs at or below the target, the share in a final state.
example: >
  3 of 4 pairs are DONE: numerator 3, denominator 4, value_num = 75.0000.
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
