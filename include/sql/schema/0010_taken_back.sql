/*
A capture can be taken back while it is the last of all learners: kpi_before_capture names it, and the other tables keep what it, and the captures of
some learners since, have closed, removed or replaced in the table kpi_src_… (or kpi_reject) of the same name. A row of the three versioned tables
says: the versions of its key that begin at written_from or later were written since; where valid_from is not NULL, the row is the
open version that was there before.
*/
ALTER TABLE kpi_run MODIFY COLUMN state ENUM('DONE', 'FAILED', 'DROPPED', 'RESTORED', 'TAKEN_BACK') NOT NULL
COMMENT 'DROPPED: retention removed the rows since; over a month or more it is retention''s own row, RESTORED when undone; TAKEN_BACK: a capture that no longer stands, or the taking back';

CREATE TABLE IF NOT EXISTS kpi_before_capture (
  captured_at DATETIME(6) PRIMARY KEY COMMENT 'the instant of the capture that can be taken back, UTC',
  day DATE NOT NULL COMMENT 'the business day it is of',
  previous DATETIME(6) NULL COMMENT 'the capture of all learners before it; NULL: it is the first',
  run_id BIGINT NOT NULL COMMENT 'the last row of kpi_run before it',
  made_at DATETIME(6) NOT NULL COMMENT 'when it was made, by the clock, UTC'
) ENGINE = InnoDB COMMENT 'at most one row: the capture that the tables kpi_before_… are about';

CREATE TABLE IF NOT EXISTS kpi_before_realisation (
  domain ENUM('MODULE', 'COMPETENCE', 'MICRO_COMPETENCE', 'UA') NOT NULL,
  ref_id BIGINT NOT NULL,
  learner_id BIGINT NOT NULL,
  written_from DATETIME(6) NOT NULL,
  valid_from DATETIME(6) NULL,
  state_code VARCHAR(32) NULL,
  state_order INT NULL,
  is_final TINYINT(1) NULL,
  progress_pct DECIMAL(13, 10) NULL,
  score DECIMAL(20, 10) NULL,
  score_max DECIMAL(20, 10) NULL,
  started_at DATETIME(6) NULL,
  finished_at DATETIME(6) NULL,
  last_activity_at DATETIME(6) NULL,
  created_at DATETIME(6) NULL,
  source_started_at DATETIME(6) NULL,
  source_finished_at DATETIME(6) NULL,
  started_from DATETIME(6) NULL,
  started_seen_at DATETIME(6) NULL,
  unstarted_seen_at DATETIME(6) NULL,
  final_from DATETIME(6) NULL,
  final_seen_at DATETIME(6) NULL,
  unfinal_seen_at DATETIME(6) NULL,
  last_seen_at DATETIME(6) NULL,
  origin ENUM('CAPTURED', 'RECONSTRUCTED') NULL,
  PRIMARY KEY (domain, ref_id, learner_id)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS kpi_before_membership (
  scope_type ENUM('GLOBAL', 'SESSION', 'GROUPE', 'SOUS_GROUPE', 'FORMATEUR', 'APPRENANT') NOT NULL,
  scope_ref_id BIGINT NOT NULL,
  learner_id BIGINT NOT NULL,
  written_from DATETIME(6) NOT NULL,
  valid_from DATETIME(6) NULL,
  active_from DATETIME(6) NULL,
  active_to DATETIME(6) NULL,
  origin ENUM('CAPTURED', 'RECONSTRUCTED') NULL,
  PRIMARY KEY (scope_type, scope_ref_id, learner_id)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS kpi_before_plan (
  scope_type ENUM('GROUPE') NOT NULL,
  scope_ref_id BIGINT NOT NULL,
  ua_ref_id BIGINT NOT NULL,
  written_from DATETIME(6) NOT NULL,
  valid_from DATETIME(6) NULL,
  due_on DATE NULL,
  created_at DATETIME(6) NULL,
  origin ENUM('CAPTURED', 'RECONSTRUCTED') NULL,
  PRIMARY KEY (scope_type, scope_ref_id, ua_ref_id)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS kpi_before_scope LIKE kpi_src_scope;

CREATE TABLE IF NOT EXISTS kpi_before_target LIKE kpi_src_target;

CREATE TABLE IF NOT EXISTS kpi_before_learner LIKE kpi_src_learner;

CREATE TABLE IF NOT EXISTS kpi_before_reject LIKE kpi_reject;
