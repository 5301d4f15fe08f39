/*
What a page shows first: everybody, and the module that moves: the one whose learners made the most progress together in the last
two weeks; of equals, in the last eight (after a holiday); then the first by label. Only modules with figures on the latest day.
*/

WITH moved AS (
  SELECT
    v.target_id,
    MAX(v.sample_size) * (
      MAX(CASE WHEN v.date_id >= DATE_SUB(CAST(%(week)s AS DATE), INTERVAL 2 WEEK) THEN v.value_num END)
      - MIN(CASE WHEN v.date_id >= DATE_SUB(CAST(%(week)s AS DATE), INTERVAL 2 WEEK) THEN v.value_num END)
    ) AS lately,
    MAX(v.sample_size) * (MAX(v.value_num) - MIN(v.value_num)) AS before_that
  FROM kpi_value AS v
  INNER JOIN kpi_scope AS everybody
    ON everybody.id = v.scope_id
    AND everybody.scope_type = 'GLOBAL'
    AND everybody.ref_key = 0
  INNER JOIN kpi_metric AS metric
    ON metric.id = v.metric_id
    AND metric.code = 'PROGRESSION_MOY'
  WHERE
    v.period = 'W'
    -- Sunday by Sunday, as the key begins with the date: a range would read all days between.
    AND v.date_id IN (
      DATE_SUB(CAST(%(week)s AS DATE), INTERVAL 0 WEEK),
      DATE_SUB(CAST(%(week)s AS DATE), INTERVAL 1 WEEK),
      DATE_SUB(CAST(%(week)s AS DATE), INTERVAL 2 WEEK),
      DATE_SUB(CAST(%(week)s AS DATE), INTERVAL 3 WEEK),
      DATE_SUB(CAST(%(week)s AS DATE), INTERVAL 4 WEEK),
      DATE_SUB(CAST(%(week)s AS DATE), INTERVAL 5 WEEK),
      DATE_SUB(CAST(%(week)s AS DATE), INTERVAL 6 WEEK),
      DATE_SUB(CAST(%(week)s AS DATE), INTERVAL 7 WEEK),
      DATE_SUB(CAST(%(week)s AS DATE), INTERVAL 8 WEEK)
    )
  GROUP BY v.target_id
)

SELECT
  scope.id AS scope,
  (
    SELECT target.id
    FROM kpi_value AS v
    INNER JOIN kpi_target AS target
      ON target.id = v.target_id
      AND target.target_type = 'MODULE'
    LEFT JOIN moved
      ON moved.target_id = target.id
    WHERE
      v.date_id = %(date)s
      AND v.period = 'D'
      AND v.scope_id = scope.id
    ORDER BY COALESCE(moved.lately, 0) DESC, COALESCE(moved.before_that, 0) DESC, target.label ASC, target.id ASC
    LIMIT 1
  ) AS target
FROM kpi_scope AS scope
WHERE
  scope.scope_type = 'GLOBAL'
  AND scope.ref_key = 0
