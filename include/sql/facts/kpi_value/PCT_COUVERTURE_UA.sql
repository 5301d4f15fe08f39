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

{{ as_of.realisations(['UA']) }},

{{ as_of.planned() }},

-- One row per (learner, UA) planned or begun: grouping both together needs no join, whose plan could go wrong.
-- What is not planned is never due.
pair AS (
  SELECT
    both_sides.learner_id,
    both_sides.ref_id,
    MIN(both_sides.due_on) AS due_on,
    MAX(both_sides.is_final) AS is_final,
    MAX(both_sides.reconstructed) AS reconstructed
  FROM (
    SELECT
      learner_id,
      ref_id,
      due_on,
      0 AS is_final,
      0 AS reconstructed
    FROM planned
    UNION ALL
    SELECT
      learner_id,
      ref_id,
      DATE '9999-12-31' AS due_on,
      is_final,
      reconstructed
    FROM realisation
  ) AS both_sides
  GROUP BY both_sides.learner_id, both_sides.ref_id
),

observation AS (
  SELECT
    learner_id,
    'UA' AS domain,
    ref_id,
    is_final AS part,
    reconstructed
  FROM pair
  WHERE due_on <= %(as_of)s
),

{{ by_scope.share(metric.target_levels) }}
