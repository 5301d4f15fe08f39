/*
code: DELAI_FEEDBACK
label: "Délais de feedback"
unit: heures
rollup: RECOMPUTE
description: >
  Median, 75th and 90th percentiles, by linear interpolation, of the time in hours from a submission to its first feedback,
  over the feedback given within the period on targets at or under the target; a submission counts once per cell.
example: >
  Delays of 2 and 5 hours: p50 = 3.5000, p75 = 4.2500, p90 = 4.7000, sample_size = 2.
*/
{% import 'macros/as_of.sql' as as_of -%}
{% import 'macros/delays.sql' as delays -%}
WITH {{ delays.feedback() }},

{{ as_of.members() }},

{{ delays.ranked(['GLOBAL', 'MODULE', 'COMPETENCE', 'MICRO_COMPETENCE']) }}

SELECT
  scope_id,
  target_id,
  {{ delays.percentile(50, delays.HOUR) }} AS p50,
  {{ delays.percentile(75, delays.HOUR) }} AS p75,
  {{ delays.percentile(90, delays.HOUR) }} AS p90,
  MAX(n) AS sample_size
FROM ranked
GROUP BY scope_id, target_id
