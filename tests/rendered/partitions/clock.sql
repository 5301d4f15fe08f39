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

-- step: last day in kpi_value
SELECT MAX(date_id)
FROM kpi_value;

-- step: last day in kpi_state_count
SELECT MAX(date_id)
FROM kpi_state_count;

-- step: last day in kpi_percentiles
SELECT MAX(date_id)
FROM kpi_percentiles;

-- step: last day in kpi_plan_gap
SELECT MAX(date_id)
FROM kpi_plan_gap;
