{# For the cells in stage_delay_cell, of whichever learners: first the events under the touched targets since the earliest day of a CTE `part`, then
   those of the touched cells, for each part that they lie in. In this order, by hints: the planner takes a scope for a few learners, and would
   read the history again for each. -#}
{% import 'sums/window.sql' as window_of_days -%}
{{ window_of_days.delays(with_instant=true) }},

delay_under AS (
  SELECT /*+ NO_INDEX(closure) */
    delay.learner_id,
    closure.ancestor_id AS target_id,
    delay.event_id,
    delay.happened_at,
    delay.microseconds,
    delay.reconstructed
  FROM delay
  INNER JOIN stage_delay_closure AS closure
    ON closure.target_type = delay.domain
    AND closure.ref_id = delay.ref_id
    AND closure.ancestor_type IN ('{{ figure.target_levels | join("', '") }}')
    AND closure.fact_table = '{{ table }}'
    AND closure.figure = '{{ figure.code }}'
),

sample_of_cells AS (
  SELECT /*+ NO_MERGE(delay_under) NO_MERGE(member) JOIN_ORDER(delay_under, member, cell) NO_INDEX(cell) */{{ ' DISTINCT' if not figure.made_once }}
    member.scope_id,
    delay_under.target_id,
    delay_under.event_id,
    delay_under.happened_at,
    delay_under.microseconds,
    delay_under.reconstructed
  FROM delay_under
  INNER JOIN member
    ON member.learner_id = delay_under.learner_id
  INNER JOIN stage_delay_cell AS cell
    ON cell.scope_id = member.scope_id
    AND cell.target_id = delay_under.target_id
    AND cell.fact_table = '{{ table }}'
    AND cell.figure = '{{ figure.code }}'
),

sample AS (
  SELECT /*+ NO_MERGE(sample_of_cells) */
    part.part_no,
    sample_of_cells.scope_id,
    sample_of_cells.target_id,
    sample_of_cells.microseconds,
    sample_of_cells.reconstructed
  FROM sample_of_cells
  INNER JOIN part
    ON part.utc_start <= sample_of_cells.happened_at
)
