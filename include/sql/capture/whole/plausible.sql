{#
What a relation would lose at once, asked before its history is written and judged by kpi.history.plausibility. `relation` is set by the script
that includes this.
  versions          for each domain or scope type: the rows in force, how many of them vanish, how many change.
  scopes, targets,  nothing of these is closed, yet what hangs on them is, or is missed: how many fewer rows are read than the
  feedback          capture before read; a target changes when its parent does
#}
{% set part_of = {'realisation': 'domain', 'membership': 'scope_type', 'plan': 'scope_type'} -%}
{% if relation in part_of -%}
{% set part = part_of[relation] -%}
-- step: {{ relation }}: judge | phase=find relation={{ relation }} when=later gives=plausibility
SELECT
  in_force.{{ part }} AS part,
  in_force.n,
  COALESCE(differing.n_vanished, 0) AS n_vanished,
  COALESCE(differing.n_changed, 0) AS n_changed
FROM (
  SELECT
    {{ part }},
    COUNT(*) AS n
  FROM kpi_src_{{ relation }}
  WHERE valid_to = '9999-12-31'
  GROUP BY {{ part }}
) AS in_force
LEFT JOIN (
  SELECT
    {{ part }},
    SUM(kind = 'vanished') AS n_vanished,
    SUM(kind = 'changed') AS n_changed
  FROM change_{{ relation }}
  GROUP BY {{ part }}
) AS differing
  ON differing.{{ part }} = in_force.{{ part }};
{%- else -%}
-- step: {{ relation }}: judge | phase=find relation={{ relation }} when=later gives=plausibility
SELECT
  '' AS part,
  earlier.n,
  GREATEST(earlier.n - staged.n, 0) AS n_vanished,
  COALESCE(staged.n_changed, 0) AS n_changed
FROM (
  SELECT rows_inserted + rows_updated + rows_unchanged AS n
  FROM kpi_run
  WHERE
    table_name = 'kpi_src_{{ relation }}'
    AND state = 'DONE'
    AND scopes IS NULL
    AND watermark = %(previous)s
  ORDER BY id DESC
  LIMIT 1
) AS earlier
CROSS JOIN (
  SELECT
    COUNT(*) AS n,
{%- if relation == 'target' %}
    SUM(
      existing.ref_id IS NOT NULL
      AND NOT (
        existing.parent_type <=> stage.parent_type
        AND existing.parent_ref_id <=> stage.parent_ref_id
      )
    ) AS n_changed
  FROM stage_target AS stage
  LEFT JOIN kpi_src_target AS existing
    ON existing.target_type = stage.target_type
    AND existing.ref_id = stage.ref_key
{%- else %}
    0 AS n_changed
  FROM stage_{{ relation }}
{%- endif %}
) AS staged;
{%- endif %}
