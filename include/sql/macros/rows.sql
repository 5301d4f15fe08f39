{# The FROM and WHERE of some rows of a table (kpi.core.tables.Rows); %(first)s and %(last)s are the days asked for. -#}
{% macro from_where(rows) -%}
FROM {{ rows.table }}{{ ' PARTITION (' ~ rows.partition ~ ')' if rows.partition }}
WHERE
  TRUE
{%- if rows.first %}
  AND date_id >= %(first)s
  AND date_id <= %(last)s
{%- endif %}
{%- if rows.periods is not none %}
  AND period IN ('{{ rows.periods | join("', '") }}')
{%- endif %}
{%- endmacro %}

{# The checksum of a row over all columns. QUOTE tells NULL from the text 'NULL', and where one value ends. -#}
{% macro checksum(columns) -%}
CRC32(CONCAT_WS(','
{%- for column in columns %}, QUOTE(`{{ column.name }}`){% endfor %}))
{%- endmacro %}

{# The columns that can be written: all but the generated ones. -#}
{% macro written(columns) -%}
{% for column in columns | rejectattr('generated') %}`{{ column.name }}`{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}
