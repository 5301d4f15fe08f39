{#
What a capture replaces is kept, so that it can be taken back while it is the last (migration 0010): the columns of the versioned tables
beside their keys and valid_from, and the tables kept whole.
#}
{% set keys = {
  'realisation': ['domain', 'ref_id', 'learner_id'],
  'membership': ['scope_type', 'scope_ref_id', 'learner_id'],
  'plan': ['scope_type', 'scope_ref_id', 'ua_ref_id'],
} %}
{% set columns = {
  'realisation': [
    'state_code', 'state_order', 'is_final', 'progress_pct', 'score', 'score_max', 'started_at', 'finished_at', 'last_activity_at', 'created_at',
    'source_started_at', 'source_finished_at', 'started_from', 'started_seen_at', 'unstarted_seen_at', 'final_from', 'final_seen_at',
    'unfinal_seen_at', 'last_seen_at', 'origin',
  ],
  'membership': ['active_from', 'active_to', 'origin'],
  'plan': ['due_on', 'created_at', 'origin'],
} %}
{% set kept_whole = {
  'scope': ('kpi_src_scope', ['scope_type', 'ref_id', 'label']),
  'target': ('kpi_src_target', ['target_type', 'ref_id', 'label', 'parent_type', 'parent_ref_id']),
  'learner': ('kpi_src_learner', ['learner_id', 'captured_at']),
  'reject': (
    'kpi_reject',
    ['id', 'relation', 'source_key', 'field', 'reason', 'detail', 'first_seen_at', 'last_seen_at'],
  ),
} %}

{# Keep the open versions of the rows that change, and which have none; of rows kept before, what was there first stays. #}
{% macro keep(relation) -%}
{% set key = keys[relation] -%}
-- step: {{ relation }}: keep what is replaced | relation={{ relation }} when=later
INSERT INTO kpi_before_{{ relation }} ({{ (key + ['written_from', 'valid_from'] + columns[relation]) | join(', ') }})
SELECT
{%- for column in key %}
  change_row.{{ column }},
{%- endfor %}
  CASE
    WHEN change_row.open_from IS NOT NULL THEN change_row.open_from
    WHEN change_row.kind = 'new' THEN '1970-01-01'
    ELSE (
      SELECT MAX(closed.valid_to)
      FROM kpi_src_{{ relation }} AS closed
      WHERE
{%- for column in key %}
        {{ 'AND ' if not loop.first }}closed.{{ column }} = change_row.{{ column }}
{%- endfor %}
    )
  END,
  open_version.valid_from
{%- for column in columns[relation] %},
  open_version.{{ column }}
{%- endfor %}
FROM change_{{ relation }} AS change_row
LEFT JOIN kpi_before_{{ relation }} AS kept
  ON {% for column in key %}kept.{{ column }} = change_row.{{ column }}{{ '\n  AND ' if not loop.last }}{% endfor %}
LEFT JOIN kpi_src_{{ relation }} AS open_version
  ON open_version.valid_to = '9999-12-31'
{%- for column in key %}
  AND open_version.{{ column }} = change_row.{{ column }}
{%- endfor %}
WHERE kept.{{ key | first }} IS NULL;
{%- endmacro %}
