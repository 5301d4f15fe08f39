/*
code: PCT_COUVERTURE_UA
label: '% UA réalisées / plan'
label_en: '% Learning units done / planned'
unit: '%'
agg: PCT
counts: stock
higher_is_better: true
category: COUVERTURE
target_levels: [UA, MODULE]
reads: {realisation: [UA], plan: [UA]}
rollup: LAST
alerts:
  - {below: 25, for: 7, scopes: [GLOBAL], targets: [MODULE], level: amber}
description: >
  Of the (learner, UA) pairs that are planned and due by the day, at or below the target, the share whose UA is in a final
  state. A learner's plan is that of the groups he is in, at the earliest due date, and counts in every scope he belongs
  to; a pair without a realisation counts as not done.
example: >
  A UA was due yesterday for a group of 4, another is due next week: 3 learners are DONE on the first: numerator 3,
  denominator 4, value_num = 75.0000 on the UA; the second has no row yet.
*/
SELECT
  learner_id,
  'UA' AS domain,
  ref_id,
  is_final AS part,
  reconstructed,
  first_day,
  last_day
FROM pair
WHERE is_due = 1
