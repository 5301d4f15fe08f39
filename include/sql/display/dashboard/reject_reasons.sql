/*
What could not be used, counted by relation, field and reason; `current` is what the last capture found too.
*/
SELECT
  relation,
  field,
  reason,
  COUNT(*) AS `rows`,
  SUM(COALESCE(last_seen_at >= %(captured_at)s, FALSE)) AS `current`,
  MAX(last_seen_at) AS last_seen_at
FROM kpi_reject
GROUP BY relation, field, reason
ORDER BY `rows` DESC, relation ASC, field ASC, reason ASC
