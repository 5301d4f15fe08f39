/*
Raises, refreshes and ends the alerts of kpi_alert. An alert is one for its rule, scope, target and first day: run again, it changes nothing.

Example: below 50 for 3. A group has 48, 49 and 47 on the 1st, 2nd and 3rd: an alert since the 1st. It has 45 on the 4th: the alert's value
is 45. It has 52, or no row, on the 5th: the alert is over, until the 5th.
*/
-- step: beyond | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_beyond (
  code VARCHAR(64) NOT NULL,
  rule VARCHAR(64) NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  level VARCHAR(16) NOT NULL,
  threshold DECIMAL(12, 4) NOT NULL,
  value_num DECIMAL(12, 4) NOT NULL,
  last_fine_on DATE NOT NULL,
  since_on DATE NOT NULL,
  is_due TINYINT(1) NOT NULL,
  PRIMARY KEY (code, rule, scope_id, target_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: find figures beyond | counts=beyond
INSERT INTO stage_beyond (
  code, rule, scope_id, target_id, level, threshold, value_num, last_fine_on, since_on, is_due
)
WITH done_day AS (
  SELECT date_to AS date_id
  FROM kpi_run
  WHERE
    table_name IN ('kpi_value', 'kpi_state_count', 'kpi_percentiles')
    AND state = 'DONE'
    AND period = 'D'
    AND scopes IS NULL
    AND date_to >= %(first)s
    AND date_to <= %(last)s
  GROUP BY date_to
  HAVING COUNT(DISTINCT table_name) = 3
),

threshold_rule AS (

  SELECT
    'PCT_COUVERTURE_UA' AS code,
    'below 25 for 7' AS rule,
    'below' AS side,
    CAST(25 AS DECIMAL(12, 4)) AS threshold,
    7 AS days,
    'GLOBAL' AS scope_types,
    'MODULE' AS target_types,
    'amber' AS level
  UNION ALL

  -- Without any rule there is nothing to look for.
  SELECT
    '' AS code,
    '' AS rule,
    '' AS side,
    0 AS threshold,
    0 AS days,
    '' AS scope_types,
    '' AS target_types,
    '' AS level
  FROM kpi_metric
  WHERE FALSE
),

beyond_now AS (
  SELECT
    threshold_rule.code,
    threshold_rule.rule,
    threshold_rule.side,
    threshold_rule.threshold,
    threshold_rule.days,
    threshold_rule.level,
    fact.scope_id,
    fact.target_id,
    fact.metric_id,
    fact.value_num
  FROM threshold_rule
  INNER JOIN kpi_metric
    ON kpi_metric.code = threshold_rule.code
  INNER JOIN kpi_value AS fact
    ON fact.date_id = %(last)s
    AND fact.period = 'D'
    AND fact.metric_id = kpi_metric.id
  INNER JOIN kpi_scope
    ON kpi_scope.id = fact.scope_id
    AND FIND_IN_SET(kpi_scope.scope_type, threshold_rule.scope_types)
  INNER JOIN kpi_target
    ON kpi_target.id = fact.target_id
    AND FIND_IN_SET(kpi_target.target_type, threshold_rule.target_types)
  WHERE CASE side WHEN 'below' THEN fact.value_num < threshold ELSE fact.value_num > threshold END
),

-- When each was last fine: not beyond, or without a row; long ago when on none of the days.
last_fine AS (
  SELECT
    beyond_now.code,
    beyond_now.rule,
    beyond_now.days,
    beyond_now.level,
    beyond_now.threshold,
    beyond_now.scope_id,
    beyond_now.target_id,
    beyond_now.value_num,
    MAX(IF(COALESCE(CASE side WHEN 'below' THEN fact.value_num < threshold ELSE fact.value_num > threshold END, FALSE), DATE '1000-01-01', done_day.date_id)) AS last_fine_on
  FROM beyond_now
  CROSS JOIN done_day
  LEFT JOIN kpi_value AS fact
    ON fact.date_id = done_day.date_id
    AND fact.period = 'D'
    AND fact.scope_id = beyond_now.scope_id
    AND fact.target_id = beyond_now.target_id
    AND fact.metric_id = beyond_now.metric_id
  GROUP BY
    beyond_now.code, beyond_now.rule, beyond_now.days, beyond_now.level, beyond_now.threshold,
    beyond_now.scope_id, beyond_now.target_id, beyond_now.value_num
)

SELECT
  last_fine.code,
  last_fine.rule,
  last_fine.scope_id,
  last_fine.target_id,
  last_fine.level,
  last_fine.threshold,
  last_fine.value_num,
  last_fine.last_fine_on,
  (
    SELECT MIN(done_day.date_id)
    FROM done_day
    WHERE done_day.date_id > last_fine.last_fine_on
  ) AS since_on,
  (
    SELECT COUNT(*)
    FROM done_day
    WHERE done_day.date_id > last_fine.last_fine_on
  ) >= last_fine.days AS is_due
FROM last_fine;

-- step: end alerts | counts=ended
UPDATE kpi_alert AS alert
LEFT JOIN stage_beyond AS beyond
  ON beyond.code = alert.code
  AND beyond.rule = alert.rule
  AND beyond.scope_id = alert.scope_id
  AND beyond.target_id = alert.target_id
SET
  alert.until_on = COALESCE(beyond.last_fine_on, %(last)s),
  alert.closed_at = UTC_TIMESTAMP(6)
WHERE
  alert.kind = 'THRESHOLD'
  AND alert.until_on IS NULL
  AND alert.since_on <= %(last)s
  AND (beyond.code IS NULL OR beyond.last_fine_on >= alert.since_on);

-- step: refresh alerts
UPDATE kpi_alert AS alert
INNER JOIN stage_beyond AS beyond
  ON beyond.code = alert.code
  AND beyond.rule = alert.rule
  AND beyond.scope_id = alert.scope_id
  AND beyond.target_id = alert.target_id
SET
  alert.level = beyond.level,
  alert.value_num = beyond.value_num
WHERE
  alert.kind = 'THRESHOLD'
  AND alert.until_on IS NULL;

-- step: raise alerts | counts=raised
INSERT INTO kpi_alert (
  kind, code, rule, scope_id, target_id, since_on, level, threshold, value_num, opened_at, until_on, closed_at,
  end_told_at
)
SELECT new.*
FROM (
  SELECT
    'THRESHOLD' AS kind,
    beyond.code,
    beyond.rule,
    beyond.scope_id,
    beyond.target_id,
    beyond.since_on,
    beyond.level,
    beyond.threshold,
    beyond.value_num,
    UTC_TIMESTAMP(6) AS opened_at,
    NULL AS until_on,
    NULL AS closed_at,
    NULL AS end_told_at
  FROM stage_beyond AS beyond
  LEFT JOIN kpi_alert AS lasting
    ON lasting.kind = 'THRESHOLD'
    AND lasting.code = beyond.code
    AND lasting.rule = beyond.rule
    AND lasting.scope_id = beyond.scope_id
    AND lasting.target_id = beyond.target_id
    AND lasting.until_on IS NULL
  WHERE
    beyond.is_due
    AND lasting.id IS NULL
) AS new
-- A day computed again may show that an alert was not over: it lasts on, and its end will be told anew.
ON DUPLICATE KEY UPDATE
level = new.level,
value_num = new.value_num,
until_on = new.until_on,
closed_at = new.closed_at,
end_told_at = new.end_told_at
