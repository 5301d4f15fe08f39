/*
The history as it was before the capture that kpi_before_capture names: what that capture, and those of some learners since, have written is
removed, what they closed, replaced or removed is put back. The ledger keeps them, as TAKEN_BACK. Changes that they had taken up
are pending again.
*/
{% import 'macros/before.sql' as before -%}
{% for relation, key in before.keys.items() %}
-- step: kpi_src_{{ relation }}: remove | table=kpi_src_{{ relation }} counts=deleted when=first
DELETE FROM kpi_src_{{ relation }};

-- step: kpi_src_{{ relation }}: remove | table=kpi_src_{{ relation }} counts=deleted when=later
DELETE written
FROM kpi_before_{{ relation }} AS was
INNER JOIN kpi_src_{{ relation }} AS written
  ON written.valid_from >= was.written_from
{%- for column in key %}
  AND written.{{ column }} = was.{{ column }}
{%- endfor %};

-- step: kpi_src_{{ relation }}: put back | table=kpi_src_{{ relation }} counts=inserted when=later
INSERT INTO kpi_src_{{ relation }} (valid_to, {{ (key + ['valid_from'] + before.columns[relation]) | join(', ') }})
SELECT
  '9999-12-31'
{%- for column in key + ['valid_from'] + before.columns[relation] %},
  {{ column }}
{%- endfor %}
FROM kpi_before_{{ relation }}
WHERE valid_from IS NOT NULL;
{% endfor %}
-- step: kpi_src_feedback: remove | table=kpi_src_feedback counts=deleted
DELETE FROM kpi_src_feedback
WHERE captured_at >= %(captured_at)s;

{% for relation, (table, columns) in before.kept_whole.items() %}
-- step: {{ table }}: empty
DELETE FROM {{ table }};

-- step: {{ table }}: fill as before
INSERT INTO {{ table }} ({{ columns | join(', ') }})
SELECT
{%- for column in columns %}
  {{ column }}{{ ',' if not loop.last }}
{%- endfor %}
FROM kpi_before_{{ relation }};
{% endfor %}
-- step: kpi_change: pending again
UPDATE kpi_change
SET done_at = NULL
WHERE done_at >= %(made_at)s;

-- step: kpi_open_day: close
DELETE FROM kpi_open_day;

-- step: kpi_run: captures taken back
UPDATE kpi_run
SET state = 'TAKEN_BACK'
WHERE
  table_name LIKE 'kpi\_src\_%'
  AND state = 'DONE'
  AND id > %(run_id)s;

{% for relation in before.keys %}
-- step: kpi_before_{{ relation }}: empty
DELETE FROM kpi_before_{{ relation }};
{% endfor %}
{% for relation in before.kept_whole %}
-- step: kpi_before_{{ relation }}: empty
DELETE FROM kpi_before_{{ relation }};
{% endfor %}
-- step: kpi_before_capture: empty
DELETE FROM kpi_before_capture;
