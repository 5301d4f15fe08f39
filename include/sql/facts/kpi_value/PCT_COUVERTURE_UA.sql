/*
code: PCT_COUVERTURE_UA
label: '% UA réalisées / plan'
unit: '%'
agg: PCT
higher_is_better: true
category: COUVERTURE
target_levels: [UA, MODULE]
rollup: LAST
description: >
  Of the (learner, UA) pairs that are planned and due by the day, at or below the target, the share whose UA is in a final
  state. A learner's plan is that of the groups he is in, at the earliest due date, and counts in every scope he belongs
  to; a pair without a realisation counts as not done.
example: >
  A UA was due yesterday for a group of 4, another is due next week: 3 learners are DONE on the first: numerator 3,
  denominator 4, value_num = 75.0000 on the UA; the second has no row yet.
*/
{% import 'macros/as_of.sql' as as_of -%}
{% import 'macros/by_scope.sql' as by_scope -%}
WITH {{ as_of.members() }},

{{ as_of.realisations(['UA'], by_learner=true) }},

{{ as_of.planned() }},

observation AS (
  SELECT
    planned.learner_id,
    planned.domain,
    planned.ref_id,
    COALESCE(realisation.is_final, 0) AS part,
    COALESCE(realisation.reconstructed, 0) AS reconstructed
  FROM planned
  LEFT JOIN realisation
    ON realisation.learner_id = planned.learner_id
    AND realisation.ref_id = planned.ref_id
  WHERE planned.due_on <= %(as_of)s
),

{{ by_scope.share(metric.target_levels) }}
