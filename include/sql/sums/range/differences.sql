{#
All days of a range at once, for what can be added up. Whatever counts from one day to another adds its value on the day it
begins and takes it away on the day after it ends; the sum of these differences up to a day is the figure of that day. So a version of the
history is read once, however many days it lasts, and a change of membership is such a pair of differences too.
Sums are of integers and decimals, which do not drift.
#}
{% import 'sets/in_force.sql' as in_force %}

{# Each of the columns, for a SELECT; with sign '-' taken away. #}
{% macro listed(columns, prefix='', sign='') -%}
{% for name in columns %},
    {{ sign }}{{ prefix }}{{ name }}{{ ' AS ' ~ name if sign }}{% endfor %}
{%- endmacro %}

{% macro summed(columns, prefix='') -%}
{% for name in columns %},
    SUM({{ prefix }}{{ name }}) AS {{ name }}{% endfor %}
{%- endmacro %}

{# The difference that a begin makes, and the one that an end within the range makes, of the rows of
   `spans`; `columns` are named, or {name: expression}. #}
{% macro begins_and_ends(spans, keys, columns) -%}
SELECT
    {{ keys | join(',\n    ') }},
    first_day AS day{% for name in columns %},
    {{ columns[name] if columns is mapping else name }} AS {{ name }}{% endfor %}
  FROM {{ spans }}
  WHERE first_day <= last_day
  UNION ALL
  SELECT
    {{ keys | join(',\n    ') }},
    last_day + INTERVAL 1 DAY{% for name in columns %},
    -({{ columns[name] if columns is mapping else name }}) AS {{ name }}{% endfor %}
  FROM {{ spans }}
  WHERE
    first_day <= last_day
    AND last_day < %(last)s
{%- endmacro %}

{# The differences of learners (or cohorts) as those of their scopes: what counts before a membership begins counts from its first day,
   and all that has counted is taken away when it ends. #}
{% macro of_members(differences, member_key, scope_types, keys, columns) -%}
SELECT
      member.scope_id,
      {{ differences }}.{{ keys | join(',\n      ' ~ differences ~ '.') }},
      GREATEST({{ differences }}.day, member.first_day) AS day{{ listed(columns, differences ~ '.') }}
    FROM {{ differences }}
    INNER JOIN member
      ON member.learner_id = {{ differences }}.{{ member_key }}
      AND {{ scope_types }}
      AND member.last_day >= {{ differences }}.day
    UNION ALL
    SELECT
      member.scope_id,
      {{ differences }}.{{ keys | join(',\n      ' ~ differences ~ '.') }},
      member.last_day + INTERVAL 1 DAY{{ listed(columns, differences ~ '.', '-') }}
    FROM {{ differences }}
    INNER JOIN member
      ON member.learner_id = {{ differences }}.{{ member_key }}
      AND {{ scope_types }}
      AND member.last_day >= {{ differences }}.day
      AND member.last_day < %(last)s
{%- endmacro %}

{# From learner_difference (learner_id, keys, day, columns) to scope_sum (date_id, scope_id, keys, columns). The CTEs `member` and
   `cohort` must be there. #}
{% macro to_scopes(keys, columns) -%}
cohort_difference AS (
  SELECT /*+ NO_MERGE(learner_difference) */
    cohort.cohort_id,
    learner_difference.{{ keys | join(',\n    learner_difference.') }},
    learner_difference.day{{ summed(columns, 'learner_difference.') }}
  FROM learner_difference
  INNER JOIN cohort
    ON cohort.learner_id = learner_difference.learner_id
  GROUP BY cohort.cohort_id, learner_difference.{{ keys | join(', learner_difference.') }}, learner_difference.day
),

scope_difference AS (
  SELECT
    scope_id,
    {{ keys | join(',\n    ') }},
    day{{ summed(columns) }}
  FROM (
    {{ of_members('learner_difference', 'learner_id', "member.scope_type = 'APPRENANT'", keys, columns) }}
    UNION ALL
    {{ of_members('cohort_difference', 'cohort_id', "member.scope_type <> 'APPRENANT'", keys, columns) }}
  ) AS difference
  GROUP BY scope_id, {{ keys | join(', ') }}, day
),

{{ each_day('scope_difference', ['scope_id'] + keys, columns) }}
{%- endmacro %}

{# scope_sum: what `differences` add up to on each day of the range on which anything counts. Of several differences of a day the last
   tells it: the days of the others end before they begin. #}
{% macro each_day(differences, keys, columns) -%}
running AS (
  SELECT
    {{ keys | join(',\n    ') }},
    day,
    COALESCE(LEAD(day) OVER sofar - INTERVAL 1 DAY, CAST(%(last)s AS DATE)) AS last_day{% for name in columns %},
    SUM({{ name }}) OVER sofar AS {{ name }}{% endfor %}
  FROM {{ differences }}
  WINDOW sofar AS (PARTITION BY {{ keys | join(', ') }} ORDER BY day ROWS UNBOUNDED PRECEDING)
),

scope_sum AS (
  SELECT
    calendar.date_id,
    running.{{ keys | join(',\n    running.') }}{{ listed(columns, 'running.') }}
  FROM running
  INNER JOIN {{ in_force.each_day_of('running.day', 'running.last_day') }}
  WHERE running.whole > 0
)
{%- endmacro %}
