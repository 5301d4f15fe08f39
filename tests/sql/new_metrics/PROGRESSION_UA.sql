/*
code: PROGRESSION_UA
label: Progression des UA
unit: '%'
agg: AVG
counts: stock
higher_is_better: true
category: PROGRESSION
target_levels: [MODULE, UA]
rollup: WEIGHTED_MEAN
description: >
  The mean progress of the UAs at or below the target, over the days of a period weighted by how many there were.
example: >
  50 on average of 2 UAs on Monday, 80 of one on Tuesday: over the two days (50 × 2 + 80) / 3 = 60.0000.
*/
{% import 'macros/as_of.sql' as as_of with context -%}
{% import 'macros/by_scope.sql' as by_scope with context -%}
WITH {{ as_of.members() }},

{{ as_of.realisations(['UA']) }},

observation AS (
  SELECT
    learner_id,
    domain,
    ref_id,
    progress_pct AS part,
    reconstructed,
    first_day,
    last_day
  FROM realisation
  WHERE progress_pct IS NOT NULL
),

{{ by_scope.mean(metric.target_levels) }}
