{# Gives neighbouring partitions of a table other bounds, or adds some where there is no catch-all. -#}
ALTER TABLE {{ table }} {{ 'REORGANIZE PARTITION ' ~ names | join(', ') ~ ' INTO' if names else 'ADD PARTITION' }} (
{%- for name, bound in parts %}
  PARTITION {{ name }} VALUES LESS THAN {{ bound }}{{ ',' if not loop.last }}
{%- endfor %}
)
