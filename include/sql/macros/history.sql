{#
How a capture writes versions (design, "History"). A relation's rows lie in stage_<relation>; its script finds what differs from the
open versions and puts it into change_<relation>:
  kind        new, changed, reopened or vanished
  new_from    when the change took effect
  open_from   valid_from of the open version, NULL when there is none
then these steps bring the history up to date. A version lasts: one that would end where it begins, or before, is replaced
(changed) or removed (vanished) instead, and what replaces it keeps its valid_from.
#}
{% import 'sets/in_force.sql' as in_force %}

{# A capture of some learners alone, during the day, sets `only_learners`; they are bound as %(learners)s, a JSON list of ids. #}
{% set alone = only_learners | default(false) %}

{# The instant of an undated change: the last one of the business day being captured. With `seen`, the learner's row of kpi_src_learner, no
   earlier than he was last seen alone, in which case the day is over; captured alone, the instant of the capture. #}
{% macro stamp(seen=none) -%}
{% if alone -%}
CAST(%(captured_at)s AS DATETIME(6))
{%- elif seen -%}
GREATEST(day.utc_end - INTERVAL 1 MICROSECOND, COALESCE({{ seen }}.captured_at, day.utc_start))
{%- else -%}
day.utc_end - INTERVAL 1 MICROSECOND
{%- endif %}
{%- endmacro %}

{# When the learner was captured last, with all others or alone. #}
{% macro previous(seen) -%}
GREATEST(CAST(%(previous)s AS DATETIME(6)), COALESCE({{ seen }}.captured_at, CAST(%(previous)s AS DATETIME(6))))
{%- endmacro %}

{# The capture that first saw a run: one of some learners alone, since the previous one of all, gives way to this one. #}
{% macro seen_whole(seen_at) -%}
IF({{ seen_at }} > %(previous)s, %(captured_at)s, {{ seen_at }})
{%- endmacro %}

{# The learner's row of kpi_src_learner, as `seen`. #}
{% macro last_seen(learner_id) -%}
LEFT JOIN kpi_src_learner AS seen
  ON seen.learner_id = {{ learner_id }}
{%- endmacro %}

{# A source's instant when it lies between the previous capture and this one, else the stamp. #}
{% macro believed_from(instant, seen=none) -%}
CASE
    WHEN {{ instant }} > {{ previous(seen) if seen else '%(previous)s' }} AND {{ instant }} <= %(captured_at)s THEN {{ instant }}
    ELSE {{ stamp(seen) }}
  END
{%- endmacro %}

{# When something last happened on a staged realisation. An instant that is a hint counts where something of substance changed with it, that
   is, since the row was last seen; an hour before that still belongs to it, since a long transaction of the LMS is seen after its instants.
   Else what was believed before stays. Of a row that was not there before, or was another one, nothing better is known. #}
{% macro last_activity(seen) -%}
{% if 'last_activity_at' in hints('realisation') -%}
CASE
    WHEN
      open_version.learner_id IS NULL
      OR reused_learner.learner_id IS NOT NULL
      OR open_version.created_at <> stage.created_at
      THEN stage.last_activity_at
    WHEN
      stage.last_activity_at > {{ previous(seen) }} - INTERVAL 1 HOUR
      AND NOT (
        open_version.state_code <=> stage.usable_state_code
        AND open_version.progress_pct <=> stage.usable_progress_pct
        AND open_version.score <=> stage.usable_score
        AND open_version.source_started_at <=> stage.started_at
        AND open_version.source_finished_at <=> stage.finished_at
      )
      THEN stage.last_activity_at
    ELSE open_version.last_activity_at
  END
{%- else -%}
stage.last_activity_at
{%- endif %}
{%- endmacro %}

{# Join the open version of a staged row. #}
{% macro open_version(table, key) -%}
LEFT JOIN {{ table }} AS open_version
  ON open_version.valid_to = '9999-12-31'
{%- for column in key %}
  AND open_version.{{ column }} = stage.{{ column }}
{%- endfor %}
{%- endmacro %}

{# Rows of the source that are gone: open versions without a staged row, of all learners or those captured alone. #}
{% macro find_vanished(relation, key) -%}
{% set of_learner = 'learner_id' in key -%}
-- step: {{ relation }}: find vanished | phase=find relation={{ relation }}
INSERT INTO change_{{ relation }} ({{ key | join(', ') }}, kind, new_from, open_from)
SELECT
{%- for column in key %}
  open_version.{{ column }},
{%- endfor %}
  'vanished',
  {{ stamp('seen' if of_learner else none) }},
  open_version.valid_from
FROM kpi_time AS day
{%- if alone %}
CROSS JOIN {{ in_force.wanted() }}
{%- endif %}
INNER JOIN kpi_src_{{ relation }} AS open_version
  ON open_version.valid_to = '9999-12-31'
{%- if alone %}
  AND open_version.learner_id = wanted.learner_id
{%- endif %}
{%- if of_learner %}
{{ last_seen('open_version.learner_id') }}
{%- endif %}
LEFT JOIN stage_{{ relation }} AS stage
  ON {% for column in key %}stage.{{ column }} = open_version.{{ column }}{{ '\n  AND ' if not loop.last }}{% endfor %}
WHERE
  day.date_id = %(day)s
  AND stage.{{ key | first }} IS NULL;
{%- endmacro %}

{# A row without an open version that has closed ones comes back: no earlier than the last of them ends. #}
{% macro find_reopened(relation, key) -%}
-- step: {{ relation }}: find reopened | phase=find relation={{ relation }}
UPDATE change_{{ relation }} AS new_row
INNER JOIN LATERAL (
  SELECT MAX(closed.valid_to) AS closed_at
  FROM kpi_src_{{ relation }} AS closed
  WHERE
{%- for column in key %}
    {{ 'AND ' if not loop.first }}closed.{{ column }} = new_row.{{ column }}
{%- endfor %}
) AS earlier
  ON earlier.closed_at IS NOT NULL
SET
  new_row.kind = 'reopened',
  new_row.new_from = GREATEST(new_row.new_from, earlier.closed_at)
WHERE new_row.kind = 'new';
{%- endmacro %}

{# Close what ended and remove what never lasted; `closing` sets further columns of the closed version. #}
{% macro end_versions(relation, key, closing='', seen=false) -%}
-- step: {{ relation }}: remove versions that never lasted | relation={{ relation }}
DELETE ended
FROM change_{{ relation }} AS change_row
INNER JOIN kpi_src_{{ relation }} AS ended
  ON ended.valid_to = '9999-12-31'
{%- for column in key %}
  AND ended.{{ column }} = change_row.{{ column }}
{%- endfor %}
WHERE change_row.new_from <= change_row.open_from;

-- step: {{ relation }}: close versions | relation={{ relation }}
UPDATE change_{{ relation }} AS change_row
INNER JOIN kpi_src_{{ relation }} AS ended
  ON ended.valid_to = '9999-12-31'
{%- for column in key %}
  AND ended.{{ column }} = change_row.{{ column }}
{%- endfor %}
{%- if seen %}
{{ last_seen('change_row.learner_id') }}
{%- endif %}
SET ended.valid_to = change_row.new_from{{ closing }};
{%- endmacro %}

{# The targets there are, as `stage_target`: those of this capture, or, when it is of some learners alone, of the last one. #}
{% macro targets() -%}
{{ '(SELECT target_type, ref_id AS ref_key FROM kpi_src_target) AS stage_target' if alone else 'stage_target' }}
{%- endmacro %}

{# How many rows of each kind the capture found. #}
{% macro count_changes(relation, when=none) -%}
-- step: {{ relation }}: count | relation={{ relation }} gives=counts{{ ' when=' ~ when if when }}
SELECT
  (SELECT COUNT(*) FROM stage_{{ relation }}) AS staged,
  SUM(kind = 'new') AS n_new,
  SUM(kind = 'changed') AS n_changed,
  SUM(kind = 'vanished') AS n_vanished,
  SUM(kind = 'reopened') AS n_reopened
FROM change_{{ relation }};
{%- endmacro %}

{# One kpi_reject row for each row that `rejected` selects as (source_key, field, reason, detail). #}
{% macro reject(relation, name, hint='', phase='run', when=none) -%}
-- step: {{ relation }}: reject {{ name }} | phase={{ phase }} relation={{ relation }}{{ ' when=' ~ when if when }}
INSERT {{ hint ~ ' ' if hint }}INTO kpi_reject (relation, source_key, field, reason, detail, first_seen_at, last_seen_at)
SELECT
  new.relation,
  new.source_key,
  new.field,
  new.reason,
  new.detail,
  new.seen_at,
  new.seen_at
FROM (
  SELECT
    '{{ relation }}' AS relation,
    rejected.source_key,
    rejected.field,
    rejected.reason,
    rejected.detail,
    %(captured_at)s AS seen_at
  FROM (
    {{ caller() | trim | indent(4) }}
  ) AS rejected
) AS new
ON DUPLICATE KEY UPDATE
  detail = new.detail,
  last_seen_at = new.seen_at;
{%- endmacro %}

{# The adapter's SELECT of a relation, read by its columns' names; of the learners captured alone, whether or not the adapter leaves the
   others out by itself. Points of view other than a learner's own are read all the same. #}
{% macro read(relation) -%}
SELECT
{%- for column in contract(relation) %}
  adapter_row.{{ column }}{{ ',' if not loop.last }}
{%- endfor %}
FROM (
{% include 'source/' ~ adapter ~ '/' ~ relation ~ '.sql' %}
) AS adapter_row
{%- if alone %}
WHERE
  {{ "adapter_row.scope_type <> 'APPRENANT'\n  OR adapter_row.ref_id" if relation == 'scope' else 'adapter_row.learner_id' }} IN (SELECT wanted.learner_id FROM {{ in_force.wanted() }})
{%- endif %}
{%- endmacro %}
