/*
A page of what could not be used, the newest first.
*/
SELECT
  relation,
  source_key,
  field,
  reason,
  detail,
  first_seen_at,
  last_seen_at
FROM kpi_reject
ORDER BY id DESC
LIMIT %(most)s OFFSET %(skipped)s
