/*
code: PCT_ACQUIS
label: '% Compétences acquises'
label_en: '% Competences acquired'
unit: '%'
agg: PCT
counts: stock
higher_is_better: true
category: MAITRISE
target_levels: [MODULE, COMPETENCE]
reads: {realisation: [COMPETENCE]}
rollup: LAST
rolling: {rule: RATIO_OF_SUMS, days: [7, 30]}
description: >
  Of the (learner, competence) pairs at or below the target, the share whose realisation is in a final state at the end of
  the day.
example: >
  A module of 2 competences, a group of 2 learners: 3 of the 4 pairs are DONE: numerator 3, denominator 4,
  value_num = 75.0000.
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
