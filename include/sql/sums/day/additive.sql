{# The small closure is hashed and the observations run past it; each learner_sum is made once. -#}
{% import 'sums/summed.sql' as summed -%}
learner_sum AS (
{%- if figure.own_level %}
  SELECT /*+ NO_INDEX(closure) */
    observation.learner_id,
    closure.ancestor_id AS target_id
{%- for name in figure.sums %},
    {{ summed.EXPRESSIONS[name] }} AS {{ name }}
{%- endfor %}
{%- else %}
  SELECT /*+ NO_INDEX(closure) NO_MERGE(observation) */
    observation.learner_id,
    closure.ancestor_id AS target_id
{%- for name in figure.sums %},
    SUM({{ summed.EXPRESSIONS[name] }}) AS {{ name }}
{%- endfor %}
{%- endif %}
  FROM kpi_target_closure AS closure
  INNER JOIN observation
    ON observation.domain = closure.target_type
    AND observation.ref_id = closure.ref_id
    AND observation.first_day <= observation.last_day
  WHERE {{ summed.counted_at(figure) }}
{%- if not figure.own_level %}
  GROUP BY observation.learner_id, closure.ancestor_id
{%- endif %}
),

{% include 'sets/day/cohorts.sql' %},

cohort_sum AS (
  SELECT /*+ NO_MERGE(learner_sum) */
    cohort.cohort_id,
    learner_sum.target_id
{%- for name in figure.sums %},
    SUM(learner_sum.{{ name }}) AS {{ name }}
{%- endfor %}
  FROM learner_sum
  INNER JOIN cohort
    ON cohort.learner_id = learner_sum.learner_id
  GROUP BY cohort.cohort_id, learner_sum.target_id
),

scope_sum AS (
  SELECT /*+ NO_MERGE(learner_sum) */
    member.scope_id,
    learner_sum.target_id
{%- for name in figure.sums %},
    learner_sum.{{ name }}
{%- endfor %}
  FROM learner_sum
  INNER JOIN member
    ON member.learner_id = learner_sum.learner_id
    AND member.scope_type = 'APPRENANT'
  UNION ALL
  SELECT
    member.scope_id,
    cohort_sum.target_id
{%- for name in figure.sums %},
    SUM(cohort_sum.{{ name }}) AS {{ name }}
{%- endfor %}
  FROM cohort_sum
  INNER JOIN member
    ON member.learner_id = cohort_sum.cohort_id
    AND member.scope_type <> 'APPRENANT'
  GROUP BY member.scope_id, cohort_sum.target_id
)
