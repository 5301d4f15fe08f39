/*
The table kpi_migration: which files of include/sql/schema were applied, and how far each came.
*/
-- step: make
CREATE TABLE IF NOT EXISTS kpi_migration (
  version INT PRIMARY KEY,
  name VARCHAR(128) NOT NULL,
  checksum CHAR(64) NOT NULL COMMENT 'SHA-256 of the file',
  statements INT NOT NULL,
  statements_done INT NOT NULL,
  started_at DATETIME(6) NOT NULL,
  finished_at DATETIME(6) NULL
) ENGINE = InnoDB COLLATE utf8mb4_0900_ai_ci;

-- step: applied
SELECT
  version,
  name,
  checksum,
  statements,
  statements_done,
  finished_at IS NOT NULL AS is_finished
FROM kpi_migration
ORDER BY version;

-- step: begin
REPLACE INTO kpi_migration (version, name, checksum, statements, statements_done, started_at)
VALUES (%(version)s, %(name)s, %(checksum)s, %(statements)s, 0, %(now)s);

-- step: a statement is done
UPDATE kpi_migration
SET statements_done = %(done)s
WHERE version = %(version)s;

-- step: end
UPDATE kpi_migration
SET finished_at = %(now)s
WHERE version = %(version)s;

-- step: rename after a conversion
UPDATE kpi_migration
SET
  name = %(name)s,
  checksum = %(checksum)s,
  statements = %(statements)s,
  statements_done = %(statements)s
WHERE
  version = %(version)s
  AND name <> %(name)s;
