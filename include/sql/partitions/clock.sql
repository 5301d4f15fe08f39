/*
What tells whether today can be right: the calendar, the ledger and, where the ledger is empty, the facts.
*/
-- step: days of the calendar
SELECT COUNT(*)
FROM kpi_time
WHERE date_id = %(today)s;

-- step: last day computed
SELECT MAX(date_to)
FROM kpi_run
WHERE state = 'DONE';
{% for table in fact_tables %}
-- step: last day in {{ table }}
SELECT MAX(date_id)
FROM {{ table }};
{% endfor %}
