/*
The closed versions of the history that ended before %(bound)s, and are not the newest of their key: by that one the capture tells whether
a row comes back, and as what. kpi_src_feedback stays whole: an event that is gone would be captured anew.
*/
{% import 'macros/before.sql' as before -%}
{% macro expired(table, key) -%}
FROM {{ table }} AS version
WHERE
  version.valid_to <= %(bound)s
  AND EXISTS (
    SELECT 1
    FROM {{ table }} AS later
    WHERE
{%- for column in key %}
      {{ 'AND ' if not loop.first }}later.{{ column }} = version.{{ column }}
{%- endfor %}
      AND later.valid_from > version.valid_from
  )
{%- endmacro %}
{% for relation, key in before.keys.items() %}
{% set table = 'kpi_src_' ~ relation %}
{% set primary_key = ['valid_to'] + key %}
-- step: expired in {{ table }}
SELECT COUNT(*)
{{ expired(table, key) }};

-- step: delete from {{ table }}
DELETE gone
FROM {{ table }} AS gone
INNER JOIN (
  SELECT
{%- for column in primary_key %}
    version.{{ column }}{{ ',' if not loop.last }}
{%- endfor %}
{{ expired(table, key) | indent(2, true) }}
  ORDER BY version.valid_to
  LIMIT %(most)s
) AS expired_version
  ON {% for column in primary_key %}{{ '\n  AND ' if not loop.first }}expired_version.{{ column }} = gone.{{ column }}{% endfor %};
{% endfor %}
