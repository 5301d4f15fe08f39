/*
code: INACTIVITE_7J
label: '% micro-comp inactives 7j'
unit: '%'
agg: PCT
higher_is_better: false
category: ACTIVITE
target_levels: [COMPETENCE, MICRO_COMPETENCE]
rollup: LAST
description: >
  Of the (learner, micro-competence) pairs at or below the target that are started and not final at the end of the day, the
  share without activity in the 7 local days that end with it.
example: >
  On Sunday the 15th, two micro-competences are under way: the last activity on one was on Monday the 9th at 00:00, on
  the other on Sunday the 8th at 23:59: numerator 1, denominator 2, value_num = 50.0000.
*/
{% import 'macros/as_of.sql' as as_of -%}
{% import 'macros/by_scope.sql' as by_scope -%}
WITH {{ as_of.members() }},

{{ as_of.realisations(['MICRO_COMPETENCE']) }},

observation AS (
  SELECT
    realisation.learner_id,
    realisation.domain,
    realisation.ref_id,
    realisation.last_activity_at IS NULL OR realisation.last_activity_at < first_day.utc_start AS part,
    realisation.reconstructed
  FROM kpi_time AS first_day
  INNER JOIN realisation
    ON realisation.started_at IS NOT NULL
    AND realisation.is_final = 0
  WHERE first_day.date_id = %(as_of)s - INTERVAL 6 DAY
),

{{ by_scope.share(metric.target_levels) }}
