/*
What becomes of a batch of changes, given by their ids as the JSON list %(ids)s: a change whose own transaction is still open is neither
waited for nor taken for done.
*/
-- step: claim
UPDATE kpi_change
INNER JOIN JSON_TABLE(%(ids)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed
  ON listed.id = kpi_change.id
SET
  kpi_change.claimed_by = %(claimed_by)s,
  kpi_change.claimed_at = %(now)s;

-- step: done
UPDATE kpi_change
INNER JOIN JSON_TABLE(%(ids)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed
  ON listed.id = kpi_change.id
SET kpi_change.done_at = %(now)s;
