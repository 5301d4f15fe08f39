{# Of the window that ends with the day. An event that is made once, on
   one target, is not sought again in the sample. Members are those at the end of the day. -#}
{% import 'sums/window.sql' as window_of_days -%}
{{ window_of_days.delays() }},

sample AS (
  SELECT{{ ' DISTINCT' if not figure.made_once }}
    member.scope_id,
    closure.ancestor_id AS target_id,
    delay.event_id,
    delay.microseconds,
    delay.reconstructed
  FROM delay
  INNER JOIN kpi_target_closure AS closure
    ON closure.target_type = delay.domain
    AND closure.ref_id = delay.ref_id
    AND closure.ancestor_type IN ('{{ figure.target_levels | join("', '") }}')
  INNER JOIN member
    ON member.learner_id = delay.learner_id
)
