/*
Rows of the ledgers that ended before %(bound)s, deleted at most %(most)s at a time. An alert that lasts stays, however old, and so does a
change that is pending; of kpi_run, what tells that days were removed.
*/

-- step: expired in kpi_reject
SELECT COUNT(*)
FROM kpi_reject
WHERE last_seen_at < %(bound)s;

-- step: next in kpi_reject
SELECT id
FROM kpi_reject
WHERE last_seen_at < %(bound)s
ORDER BY id
LIMIT %(most)s;

-- step: delete from kpi_reject
DELETE gone
FROM JSON_TABLE(%(ids)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed
INNER JOIN kpi_reject AS gone
  ON gone.id = listed.id
WHERE last_seen_at < %(bound)s;

-- step: expired in kpi_alert
SELECT COUNT(*)
FROM kpi_alert
WHERE until_on < %(bound)s;

-- step: next in kpi_alert
SELECT id
FROM kpi_alert
WHERE until_on < %(bound)s
ORDER BY id
LIMIT %(most)s;

-- step: delete from kpi_alert
DELETE gone
FROM JSON_TABLE(%(ids)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed
INNER JOIN kpi_alert AS gone
  ON gone.id = listed.id
WHERE until_on < %(bound)s;

-- step: expired in kpi_change
SELECT COUNT(*)
FROM kpi_change
WHERE done_at < %(bound)s;

-- step: next in kpi_change
SELECT id
FROM kpi_change
WHERE done_at < %(bound)s
ORDER BY id
LIMIT %(most)s;

-- step: delete from kpi_change
DELETE gone
FROM JSON_TABLE(%(ids)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed
INNER JOIN kpi_change AS gone
  ON gone.id = listed.id
WHERE done_at < %(bound)s;

-- step: expired in kpi_run
SELECT COUNT(*)
FROM kpi_run
WHERE date_to < %(bound)s AND finished_at < %(bound)s AND state IN ('DONE', 'FAILED', 'TAKEN_BACK');

-- step: next in kpi_run
SELECT id
FROM kpi_run
WHERE date_to < %(bound)s AND finished_at < %(bound)s AND state IN ('DONE', 'FAILED', 'TAKEN_BACK')
ORDER BY id
LIMIT %(most)s;

-- step: delete from kpi_run
DELETE gone
FROM JSON_TABLE(%(ids)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed
INNER JOIN kpi_run AS gone
  ON gone.id = listed.id
WHERE date_to < %(bound)s AND finished_at < %(bound)s AND state IN ('DONE', 'FAILED', 'TAKEN_BACK');
