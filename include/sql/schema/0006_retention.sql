/*
Retention: days removed are told from days done (kpi_run.state), what was removed can be restored for a while (kpi_undo), and a reader
can hold a range of dates (kpi_hold).
*/
ALTER TABLE kpi_run MODIFY COLUMN state ENUM('DONE', 'FAILED', 'DROPPED', 'RESTORED') NOT NULL
COMMENT 'DROPPED: retention removed the rows since; over a month or more it is retention''s own row, RESTORED when undone';

CREATE TABLE IF NOT EXISTS kpi_undo (
  id BIGINT PRIMARY KEY AUTO_INCREMENT,
  table_name VARCHAR(64) NOT NULL COMMENT 'the fact table that the rows were removed from',
  undo_table VARCHAR(64) NOT NULL COMMENT 'the table that has them now',
  month_first DATE NOT NULL COMMENT 'first local day of the month',
  periods VARCHAR(16) NOT NULL COMMENT 'the periods removed, as D,W,M,R',
  state ENUM('COPYING', 'EXCHANGING', 'DELETING', 'KEPT', 'RESTORED', 'PURGED') NOT NULL,
  rows_before BIGINT NOT NULL DEFAULT 0 COMMENT 'the month''s rows of all periods before',
  rows_removed BIGINT NOT NULL DEFAULT 0,
  digest JSON NULL COMMENT 'rows and checksum of each period of the month before',
  made_at DATETIME(6) NOT NULL COMMENT 'UTC',
  keep_until DATETIME(6) NOT NULL COMMENT 'UTC; then the undo table is dropped',
  UNIQUE KEY uq_undo (undo_table),
  KEY idx_state (state, keep_until)
) ENGINE = InnoDB COMMENT 'what retention removed, and where it is meanwhile';

CREATE TABLE IF NOT EXISTS kpi_hold (
  id BIGINT PRIMARY KEY AUTO_INCREMENT,
  held_by VARCHAR(191) NOT NULL COMMENT 'who reads',
  date_from DATE NOT NULL COMMENT 'local days',
  date_to DATE NOT NULL,
  held_until DATETIME NOT NULL COMMENT 'UTC; afterwards the hold is ignored',
  made_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
  KEY idx_held_until (held_until),
  CONSTRAINT hold_is_a_range CHECK (date_from <= date_to)
) ENGINE = InnoDB COMMENT 'ranges of dates that retention leaves alone';
