/*
code: DELAI_FEEDBACK
label: Médiane délais feedback
unit: heures
agg: MEDIAN
counts: flow
higher_is_better: false
category: FEEDBACK
target_levels: [MODULE, COMPETENCE, MICRO_COMPETENCE]
rollup: RECOMPUTE
rolling: {rule: RECOMPUTE, days: [7, 30]}
description: >
  The median time, in hours, from a submission to its first feedback, over the feedback given within the period on targets
  at or under the target. A submission counts once per scope and target, however many UAs its task hangs on.
example: >
  Two submissions of a group on a module were answered today, after 2 and 5 hours: value_num = 3.5000, sample_size = 2.
*/
{% import 'macros/as_of.sql' as as_of with context -%}
{% import 'macros/delays.sql' as delays with context -%}
WITH {{ delays.feedback() }},

{{ as_of.members() }},

{{ delays.ranked(metric.target_levels) }}

{{ delays.median(delays.HOUR) }}
