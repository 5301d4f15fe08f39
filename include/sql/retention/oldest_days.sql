/*
How far back days reach: what history and ledger must still tell of.
*/
{% for table in daily_tables %}
-- step: oldest day in {{ table }}
SELECT date_id
FROM {{ table }}
WHERE period = 'D'
ORDER BY date_id
LIMIT 1;
{% endfor %}
-- step: oldest day computed
SELECT MIN(date_to)
FROM kpi_run
WHERE
  table_name IN ('{{ daily_tables | join("', '") }}')
  AND state = 'DONE'
  AND period = 'D';

-- step: first day of the calendar
SELECT MIN(date_id)
FROM kpi_time;
