{% import 'macros/history.sql' as history with context -%}
-- step: reject: create stage | phase=create relation=reject
CREATE TEMPORARY TABLE IF NOT EXISTS stage_reject (
  id BIGINT AUTO_INCREMENT PRIMARY KEY COMMENT 'for servers that ask each table for a primary key',
  relation VARCHAR(64) NOT NULL,
  source_key VARCHAR(1000) NOT NULL,
  field VARCHAR(64) NULL,
  reason VARCHAR(64) NOT NULL,
  detail LONGTEXT NULL
) COLLATE utf8mb4_0900_ai_ci;

-- step: reject: read | phase=find relation=reject gives=relation
{{ history.read('reject') }};

-- step: reject: keep | relation=reject
INSERT INTO kpi_reject (relation, source_key, field, reason, detail, first_seen_at, last_seen_at)
SELECT
  new.relation,
  new.source_key,
  new.field,
  new.reason,
  new.detail,
  new.seen_at,
  new.seen_at
FROM (
  SELECT
    relation,
    LEFT(source_key, 191) AS source_key,
    COALESCE(field, '') AS field,
    reason,
    LEFT(MIN(detail), 255) AS detail,
    %(captured_at)s AS seen_at
  FROM stage_reject
  GROUP BY relation, LEFT(source_key, 191), COALESCE(field, ''), reason
) AS new
ON DUPLICATE KEY UPDATE
  detail = new.detail,
  last_seen_at = new.seen_at;
