{# Of a few learners: what lies above their few observations is looked up, and cohorts are not worth making. -#}
{% import 'sums/summed.sql' as summed -%}
learner_sum AS (
  SELECT
    observation.learner_id,
    closure.ancestor_id AS target_id
{%- for name in figure.sums %},
    SUM({{ summed.EXPRESSIONS[name] }}) AS {{ name }}
{%- endfor %}
  FROM kpi_target_closure AS closure
  INNER JOIN observation
    ON observation.domain = closure.target_type
    AND observation.ref_id = closure.ref_id
    AND observation.first_day <= observation.last_day
  WHERE {{ summed.counted_at(figure) }}
  GROUP BY observation.learner_id, closure.ancestor_id
),

scope_sum AS (
  SELECT
    member.scope_id,
    learner_sum.target_id
{%- for name in figure.sums %},
    SUM(learner_sum.{{ name }}) AS {{ name }}
{%- endfor %}
  FROM learner_sum
  INNER JOIN member
    ON member.learner_id = learner_sum.learner_id
  GROUP BY member.scope_id, learner_sum.target_id
)
