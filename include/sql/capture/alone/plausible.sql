{#
What some learners would lose at once: it counts only when nothing of theirs is left, since that much of one learner goes, or changes, is
ordinary. Scopes and feedback are judged by the night.
#}
{% import 'sets/in_force.sql' as in_force -%}
{% set part_of = {'realisation': 'domain', 'membership': 'scope_type'} -%}
{% if relation in part_of -%}
{% set part = part_of[relation] -%}
-- step: {{ relation }}: judge | phase=find relation={{ relation }} when=later gives=plausibility
SELECT
  in_force.{{ part }} AS part,
  in_force.n,
  IF(EXISTS (SELECT 1 FROM stage_{{ relation }}), 0, COALESCE(differing.n_vanished, 0)) AS n_vanished,
  0 AS n_changed
FROM (
  SELECT
    {{ part }},
    COUNT(*) AS n
  FROM kpi_src_{{ relation }}
  WHERE
    valid_to = '9999-12-31'
    AND learner_id IN (SELECT wanted.learner_id FROM {{ in_force.wanted() }})
  GROUP BY {{ part }}
) AS in_force
LEFT JOIN (
  SELECT
    {{ part }},
    SUM(kind = 'vanished') AS n_vanished
  FROM change_{{ relation }}
  GROUP BY {{ part }}
) AS differing
  ON differing.{{ part }} = in_force.{{ part }};
{%- endif %}
