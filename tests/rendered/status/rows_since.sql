/*
How many rows of kpi_value are dated %(first)s or later: since the last bound of its partitions, those in the catch-all.
*/
SELECT COUNT(*)
FROM kpi_value
WHERE date_id >= %(first)s
