{# A figure from the day's sums with what a change added to them: the second half, as on the day's own road. -#}
WITH scope_sum AS (
  SELECT
    scope_id,
    target_id
{%- for name in figure.sums %},
    {{ name }}
{%- endfor %}
  FROM stage_total
  WHERE
    figure = '{{ figure.code }}'
    AND whole > 0
)

{% include 'shown/' ~ figure.shown ~ '.sql' %}
