{#
What a capture of all learners begins with: what the capture before it kept is forgotten, and the small tables are kept whole. A capture
at the same instant again is a part of the one before.
#}
{% import 'macros/before.sql' as before -%}
{% for relation in before.keys %}
-- step: before: forget {{ relation }}
DELETE FROM kpi_before_{{ relation }}
WHERE NOT EXISTS (SELECT 1 FROM kpi_before_capture WHERE captured_at = %(captured_at)s);
{% endfor %}
{% for relation, (table, columns) in before.kept_whole.items() %}
-- step: before: forget {{ relation }}
DELETE FROM kpi_before_{{ relation }}
WHERE NOT EXISTS (SELECT 1 FROM kpi_before_capture WHERE captured_at = %(captured_at)s);

-- step: before: keep {{ relation }}
INSERT INTO kpi_before_{{ relation }} ({{ columns | join(', ') }})
SELECT
{%- for column in columns %}
  {{ column }}{{ ',' if not loop.last }}
{%- endfor %}
FROM {{ table }}
WHERE NOT EXISTS (SELECT 1 FROM kpi_before_capture WHERE captured_at = %(captured_at)s);
{% endfor %}
-- step: before: forget the capture before
DELETE FROM kpi_before_capture
WHERE captured_at <> %(captured_at)s;

-- step: before: name the capture
INSERT INTO kpi_before_capture (captured_at, day, previous, run_id, made_at)
SELECT
  %(captured_at)s,
  %(day)s,
  %(previous)s,
  (SELECT COALESCE(MAX(id), 0) FROM kpi_run),
  UTC_TIMESTAMP(6)
WHERE NOT EXISTS (SELECT 1 FROM kpi_before_capture WHERE captured_at = %(captured_at)s);
