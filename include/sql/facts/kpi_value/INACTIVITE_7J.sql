/*
code: INACTIVITE_7J
label: '% micro-comp inactives 7j'
label_en: '% Micro-competences inactive for 7 days'
unit: '%'
agg: PCT
counts: stock
higher_is_better: false
category: ACTIVITE
target_levels: [COMPETENCE, MICRO_COMPETENCE]
reads: {realisation: [MICRO_COMPETENCE]}
rollup: LAST
description: >
  Of the (learner, micro-competence) pairs at or below the target that are started and not final at the end of the day, the
  share without activity in the 7 local days that end with it.
example: >
  On Sunday the 15th, two micro-competences are under way: the last activity on one was on Monday the 9th at 00:00, on
  the other on Sunday the 8th at 23:59: numerator 1, denominator 2, value_num = 50.0000.
*/
WITH under_way AS (
  SELECT
    learner_id,
    domain,
    ref_id,
    reconstructed,
    first_day,
    last_day,
    {{ instants.quiet_from('last_activity_at', 7) }} AS inactive_from
  FROM realisation
  WHERE
    started_at IS NOT NULL
    AND is_final = 0
)

SELECT
  learner_id,
  domain,
  ref_id,
  0 AS part,
  reconstructed,
  first_day,
  LEAST(last_day, inactive_from - INTERVAL 1 DAY) AS last_day
FROM under_way
UNION ALL
SELECT
  learner_id,
  domain,
  ref_id,
  1,
  reconstructed,
  GREATEST(first_day, inactive_from),
  last_day
FROM under_way
