/*
What ledger and tables say of the days from %(first)s to %(last)s, and of the weeks and months that hold them: what kpi.upkeep.retention.guards
decides by.
*/
{% set facts = fact_tables | join("', '") -%}
{% set with_days = daily_tables | join("', '") -%}
-- step: when days were changed last
SELECT
  date_to,
  MAX(finished_at) AS changed_at
FROM kpi_run
WHERE
  table_name IN ('{{ with_days }}')
  AND state = 'DONE'
  AND period = 'D'
  AND date_to >= %(first)s
  AND date_to <= %(last)s
  AND rows_inserted + rows_updated + rows_deleted > 0
GROUP BY date_to;

-- step: days with rows
SELECT day.date_id
FROM kpi_time AS day
WHERE
  day.date_id >= %(first)s
  AND day.date_id <= %(last)s
  AND (
{%- for table in daily_tables %}
    {{ 'OR ' if not loop.first }}EXISTS (SELECT 1 FROM {{ table }} AS fact WHERE fact.date_id = day.date_id AND fact.period = 'D')
{%- endfor %}
  );

-- step: rolled up
SELECT
  table_name,
  period,
  date_to,
  scopes,
  started_at,
  rows_inserted + rows_updated + rows_unchanged AS there,
  rows_inserted - rows_deleted AS added
FROM kpi_run
WHERE
  table_name IN ('{{ facts }}')
  AND state = 'DONE'
  AND period IN ('{{ calendar_periods | join("', '") }}')
  AND date_to >= %(first)s
  AND date_to <= %(last)s
ORDER BY id;

-- step: removed
SELECT DISTINCT
  table_name,
  period,
  date_from
FROM kpi_run
WHERE
  state = 'DROPPED'
  AND table_name IN ('{{ facts }}')
  AND period IN ('{{ calendar_periods | join("', '") }}')
  AND date_from < date_to
  AND date_to >= %(first)s
  AND date_from <= %(last)s;
{% for table in fact_tables %}
-- step: weeks and months in {{ table }}
SELECT
  period,
  date_id,
  COUNT(*) AS number_of_rows
FROM {{ table }}
WHERE
  date_id IN ({% for number in range(dates) %}%(date_{{ number }})s{{ ', ' if not loop.last }}{% endfor %})
  AND period IN ('{{ calendar_periods | join("', '") }}')
GROUP BY
  period,
  date_id;
{% endfor %}
