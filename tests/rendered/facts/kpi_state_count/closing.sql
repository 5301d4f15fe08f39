/*
The rows of kpi_state_count of one week or month: its task of kpi_rollup.
*/

-- step: stage_kpi_state_count | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_kpi_state_count (
  date_id DATE NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') NOT NULL,
  state_code VARCHAR(32) NOT NULL,
  state_ordre INT,
  count INT,
  PRIMARY KEY (date_id, scope_id, target_id, domain, state_code)
) COLLATE utf8mb4_0900_ai_ci;

-- step: closing | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_closing (
  scope_id BIGINT PRIMARY KEY,
  as_of DATE NOT NULL,
  done_days INT NOT NULL,
  is_over TINYINT(1) NOT NULL,
  KEY idx_as_of (as_of)
) COLLATE utf8mb4_0900_ai_ci;

-- step: closing
INSERT INTO stage_closing (scope_id, as_of, done_days, is_over)
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

latest_done AS (
  SELECT MAX(date_id) AS as_of
  FROM done_day
),

closing AS (
  SELECT
    kpi_scope.id AS scope_id,
    MAX(day.date_id) AS as_of,
    MAX(latest_done.as_of) = %(last)s AS is_over
  FROM latest_done
  INNER JOIN kpi_time AS day
    ON day.date_id >= %(first)s
    AND day.date_id <= latest_done.as_of
  INNER JOIN kpi_src_membership AS membership
    ON membership.valid_to >= day.utc_end
    AND membership.valid_from < day.utc_end
    AND (membership.active_from IS NULL OR membership.active_from < day.utc_end)
    AND (membership.active_to IS NULL OR membership.active_to >= day.utc_end)
  INNER JOIN kpi_scope
    ON kpi_scope.scope_type = membership.scope_type
    AND kpi_scope.ref_key = membership.scope_ref_id
    AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
    AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
  GROUP BY kpi_scope.id
)

SELECT
  closing.scope_id,
  closing.as_of,
  (SELECT COUNT(*) FROM done_day WHERE done_day.date_id <= closing.as_of) AS done_days,
  closing.is_over
FROM closing;

-- step: closing days | gives=closing_days
SELECT
  as_of,
  IF(COUNT(*) <= 1000, GROUP_CONCAT(scope_id), NULL) AS closing_scopes
FROM stage_closing
GROUP BY as_of
ORDER BY as_of;

-- step: LAST
INSERT INTO stage_kpi_state_count (date_id, scope_id, target_id, domain, state_code, state_ordre, count)
SELECT
  %(date_id)s,
  fact.scope_id,
  fact.target_id,
  fact.domain,
  fact.state_code,
  fact.state_ordre,
  fact.count
FROM stage_closing
INNER JOIN kpi_state_count AS fact
  ON fact.date_id = stage_closing.as_of
  AND fact.period = 'D'
  AND fact.scope_id = stage_closing.scope_id;

-- step: kpi_state_count: count | phase=write table=kpi_state_count does=count
SELECT
  (
    SELECT COUNT(*)
    FROM kpi_state_count AS existing

    INNER JOIN kpi_scope
      ON kpi_scope.id = existing.scope_id
      AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
        AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
    WHERE
      existing.date_id = %(date_id)s
      AND existing.period = %(period)s
  ) AS n_stored,
  COUNT(*) AS n_staged,
  COUNT(same.state_code) AS n_matched
FROM stage_kpi_state_count AS fresh
LEFT JOIN kpi_state_count AS same
  ON same.date_id = %(date_id)s
  AND same.period = %(period)s
  AND same.scope_id = fresh.scope_id
  AND same.target_id = fresh.target_id
  AND same.domain = fresh.domain
  AND same.state_code = fresh.state_code
WHERE fresh.date_id = %(date_id)s;

-- step: kpi_state_count: update differences | phase=write table=kpi_state_count does=update
UPDATE /*+ NO_MERGE(new) */ kpi_state_count AS stale
INNER JOIN (
  SELECT
    fresh.scope_id,
    fresh.target_id,
    fresh.domain,
    fresh.state_code,
    fresh.state_ordre,
    fresh.count
  FROM stage_kpi_state_count AS fresh
  INNER JOIN kpi_state_count AS existing
    ON existing.date_id = %(date_id)s
    AND existing.period = %(period)s
    AND existing.scope_id = fresh.scope_id
    AND existing.target_id = fresh.target_id
    AND existing.domain = fresh.domain
    AND existing.state_code = fresh.state_code
  WHERE
    fresh.date_id = %(date_id)s
    AND NOT (
      existing.state_ordre <=> fresh.state_ordre
      AND existing.count <=> fresh.count
    )
) AS new
  ON stale.date_id = %(date_id)s
  AND stale.period = %(period)s
  AND stale.scope_id = new.scope_id
  AND stale.target_id = new.target_id
  AND stale.domain = new.domain
  AND stale.state_code = new.state_code
SET
  stale.state_ordre = new.state_ordre,
  stale.count = new.count;

-- step: kpi_state_count: insert missing | phase=write table=kpi_state_count does=insert
INSERT INTO kpi_state_count (date_id, period, scope_id, target_id, domain, state_code, state_ordre, count)
SELECT
  %(date_id)s,
  %(period)s,
  fresh.scope_id,
  fresh.target_id,
  fresh.domain,
  fresh.state_code,
  fresh.state_ordre,
  fresh.count
FROM stage_kpi_state_count AS fresh
LEFT JOIN kpi_state_count AS existing
  ON existing.date_id = %(date_id)s
  AND existing.period = %(period)s
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.domain = fresh.domain
  AND existing.state_code = fresh.state_code
WHERE
  fresh.date_id = %(date_id)s
  AND existing.state_code IS NULL;

-- step: kpi_state_count: delete vanished | phase=write table=kpi_state_count does=delete
DELETE existing
FROM kpi_state_count AS existing

INNER JOIN kpi_scope
  ON kpi_scope.id = existing.scope_id
  AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
    AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
LEFT JOIN stage_kpi_state_count AS fresh
  ON fresh.date_id = %(date_id)s
  AND fresh.scope_id = existing.scope_id
  AND fresh.target_id = existing.target_id
  AND fresh.domain = existing.domain
  AND fresh.state_code = existing.state_code
WHERE
  existing.date_id = %(date_id)s
  AND existing.period = %(period)s
  AND fresh.state_code IS NULL;
