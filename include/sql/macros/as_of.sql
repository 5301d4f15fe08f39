{#
What was true at the end of local day %(as_of)s, as CTEs to begin a figure with.
Each joins kpi_time as `day`, a table of one constant row to the planner: so the versions in force are a range of
the history's primary key, which begins with valid_to.
#}

{# The versions in force: valid_from < end of the day <= valid_to. #}
{% macro in_force(versions) -%}
  {{ versions }}.valid_to >= day.utc_end
    AND {{ versions }}.valid_from < day.utc_end
{%- endmacro %}

{# A session's memberships are active on its days only, others from when the source says they began. #}
{% macro active(membership) -%}
  ({{ membership }}.active_from IS NULL OR {{ membership }}.active_from < day.utc_end)
    AND ({{ membership }}.active_to IS NULL OR {{ membership }}.active_to >= day.utc_end)
{%- endmacro %}

{# member: one row per (scope, learner in it). #}
{% macro members() -%}
member AS (
  SELECT
    kpi_scope.id AS scope_id,
    kpi_scope.scope_type,
    membership.learner_id
  FROM kpi_time AS day
  INNER JOIN kpi_src_membership AS membership
    ON {{ in_force('membership') }}
    AND {{ active('membership') }}
  INNER JOIN kpi_scope
    ON kpi_scope.scope_type = membership.scope_type
    AND kpi_scope.ref_key = membership.scope_ref_id
  WHERE day.date_id = %(as_of)s
)
{%- endmacro %}

{# realisation: one row per (learner, target) of the domains, read in one range of the primary key. #}
{% macro realisations(domains) -%}
realisation AS (
  SELECT
    history.learner_id,
    history.domain,
    history.ref_id,
    history.state_code,
    history.state_order,
    history.is_final,
    history.progress_pct,
    history.score,
    history.score_max,
    history.started_at,
    history.finished_at,
    history.last_activity_at,
    history.origin = 'RECONSTRUCTED' AS reconstructed
  FROM kpi_time AS day
  INNER JOIN kpi_src_realisation AS history IGNORE INDEX (uq_realisation)
    ON {{ in_force('history') }}
  WHERE
    day.date_id = %(as_of)s
    AND history.domain IN ('{{ domains | join("', '") }}')
)
{%- endmacro %}

{# planned: one row per (learner, UA, group of his that plans it), with the due date. #}
{% macro planned() -%}
planned AS (
  SELECT
    groupe.learner_id,
    plan.ua_ref_id AS ref_id,
    plan.due_on
  FROM kpi_time AS day
  INNER JOIN kpi_src_plan AS plan
    ON {{ in_force('plan') }}
  INNER JOIN kpi_src_membership AS groupe
    ON groupe.scope_type = plan.scope_type
    AND groupe.scope_ref_id = plan.scope_ref_id
    AND {{ in_force('groupe') }}
    AND {{ active('groupe') }}
  WHERE day.date_id = %(as_of)s
)
{%- endmacro %}
