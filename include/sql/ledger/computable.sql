/*
From which day on days can be computed, and for which scopes.
*/
-- step: first day of the calendar
SELECT MIN(date_id)
FROM kpi_time;

-- step: first instant of the history
SELECT MIN(valid_from)
FROM kpi_src_realisation;

-- step: scopes
SELECT
  id,
  scope_type
FROM kpi_scope;
