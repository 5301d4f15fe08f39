/*
The open day, whose rows follow the history change by change: there is one at most. It is unfinished while what a change did not
reach by itself (windows, tiles, other weeks) is still to be computed.
*/
-- step: is open
SELECT COUNT(*)
FROM kpi_open_day
WHERE
  date_id = %(day)s
  AND is_finished = 1;

-- step: close
DELETE FROM kpi_open_day;

-- step: open
INSERT INTO kpi_open_day (date_id, opened_at) VALUES (%(day)s, %(now)s);

-- step: unfinished
UPDATE kpi_open_day
SET is_finished = 0;

-- step: finished
UPDATE kpi_open_day
SET is_finished = 1
WHERE date_id = %(day)s;
