/*
code: NB_MICROS_ACQUISES
label: Micro-compétences acquises
unit: nb
agg: COUNT
counts: flow
higher_is_better: true
category: MAITRISE
target_levels: [GLOBAL, MODULE]
rollup: SUM
rolling: {rule: SUM, days: [2, 7]}
description: >
  The days that (learner, micro-competence) pairs at or below the target spent in a final state: each day counts anew.
example: >
  3 pairs are DONE on Monday, 4 on Tuesday: value_num = 3 and 4, over the two days 7.
*/
{% import 'macros/as_of.sql' as as_of with context -%}
{% import 'macros/by_scope.sql' as by_scope with context -%}
WITH {{ as_of.members() }},

{{ as_of.realisations(['MICRO_COMPETENCE']) }},

observation AS (
  SELECT
    learner_id,
    domain,
    ref_id,
    is_final AS part,
    reconstructed,
    first_day,
    last_day
  FROM realisation
),

{{ by_scope.sums(metric.target_levels) }}

SELECT
{%- if (mode | default('day')) == 'range' %}
  date_id,
{%- endif %}
  scope_id,
  target_id,
  part AS value_num,
  part AS numerator,
  NULL AS denominator,
  whole AS sample_size,
  {{ by_scope.reconstructed_note() }} AS extra_json
FROM scope_sum
