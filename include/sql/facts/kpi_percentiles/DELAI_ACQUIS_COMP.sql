/*
code: DELAI_ACQUIS_COMP
label: "Délais d'acquisition des compétences"
unit: jours
rollup: RECOMPUTE
description: >
  The same for the competences at or below the target.
example: >
  One competence finished today after 12.5 days: p50 = p75 = p90 = 12.5000, sample_size = 1.
*/
{% import 'macros/as_of.sql' as as_of -%}
{% import 'macros/delays.sql' as delays -%}
WITH {{ delays.acquisition('COMPETENCE') }},

{{ as_of.members() }},

{{ delays.ranked(['GLOBAL', 'MODULE', 'COMPETENCE', 'MICRO_COMPETENCE']) }}

SELECT
  scope_id,
  target_id,
  {{ delays.percentile(50, delays.DAY) }} AS p50,
  {{ delays.percentile(75, delays.DAY) }} AS p75,
  {{ delays.percentile(90, delays.DAY) }} AS p90,
  MAX(n) AS sample_size
FROM ranked
GROUP BY scope_id, target_id
