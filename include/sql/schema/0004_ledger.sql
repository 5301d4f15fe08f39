/*
The ledger: what was written when and by whom (kpi_run), and which source rows or fields could not be used and why (kpi_reject).
*/
CREATE TABLE IF NOT EXISTS kpi_run (
  id BIGINT PRIMARY KEY AUTO_INCREMENT,
  table_name VARCHAR(64) NOT NULL COMMENT 'the table written: a fact table or a kpi_src_* table',
  period ENUM('D', 'W', 'M', 'R') NULL COMMENT 'NULL for captures',
  date_from DATE NOT NULL,
  date_to DATE NOT NULL,
  dag_id VARCHAR(250) NULL,
  run_id VARCHAR(250) NULL,
  task_id VARCHAR(250) NULL,
  try_number INT NULL,
  state ENUM('DONE', 'FAILED') NOT NULL,
  rows_inserted BIGINT NOT NULL DEFAULT 0,
  rows_updated BIGINT NOT NULL DEFAULT 0,
  rows_deleted BIGINT NOT NULL DEFAULT 0,
  rows_unchanged BIGINT NOT NULL DEFAULT 0,
  rows_rejected BIGINT NOT NULL DEFAULT 0,
  rows_reopened BIGINT NOT NULL DEFAULT 0 COMMENT 'captures: rows that came back after an absence; also counted in rows_inserted',
  watermark DATETIME(6) NULL COMMENT 'the capture that the rows rest on, UTC',
  message TEXT NULL COMMENT 'why it failed',
  started_at DATETIME(6) NOT NULL,
  finished_at DATETIME(6) NOT NULL,
  KEY idx_table (table_name, state, date_to),
  KEY idx_started (started_at)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS kpi_reject (
  id BIGINT PRIMARY KEY AUTO_INCREMENT,
  relation VARCHAR(64) NOT NULL COMMENT 'contract relation',
  source_key VARCHAR(191) NOT NULL COMMENT 'the row''s key, as text',
  field VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'the field set aside; empty when the whole row was',
  reason VARCHAR(64) NOT NULL,
  detail VARCHAR(255) NULL COMMENT 'the value found',
  first_seen_at DATETIME(6) NOT NULL COMMENT 'the capture that first found it, UTC',
  last_seen_at DATETIME(6) NOT NULL COMMENT 'the capture that last found it, UTC',
  UNIQUE KEY uq_reject (relation, source_key, field, reason)
) ENGINE = InnoDB;
