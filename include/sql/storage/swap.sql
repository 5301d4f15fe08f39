/*
How a conversion ends: fresh tables have no statistics, and the nightly joins lean on them; then the new tables take the places of the
present ones, in one moment.
*/
-- step: analyse the copies
ANALYZE TABLE {{ new.values() | join(', ') }};

-- step: swap
RENAME TABLE
{%- for table in new %}
  {{ table }} TO {{ old[table] }}, {{ new[table] }} TO {{ table }}{{ ',' if not loop.last }}
{%- endfor %};
