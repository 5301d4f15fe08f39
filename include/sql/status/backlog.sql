/*
The changes of the source that the figures do not hold yet: how many, and when the oldest was noted.
*/
SELECT
  COUNT(*) AS waiting,
  MIN(occurred_at) AS oldest_at
FROM kpi_change
WHERE done_at IS NULL
