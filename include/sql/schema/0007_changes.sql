/*
Refresh during the day: the durable list of what changed in the source, what each learner was last captured at besides the nights, the day
whose rows are kept up to date, and the exact sums behind its rounded figures.
*/
CREATE TABLE IF NOT EXISTS kpi_change (
  id BIGINT PRIMARY KEY AUTO_INCREMENT,
  domain VARCHAR(32) NOT NULL COMMENT 'what changed: MODULE, COMPETENCE, MICRO_COMPETENCE, UA, FEEDBACK, MEMBERSHIP or LEARNER',
  ref_id BIGINT NULL COMMENT 'the thing of that domain, in the source; for people to read',
  learner_id BIGINT NOT NULL COMMENT 'the learner to capture anew',
  occurred_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)) COMMENT 'when the change was noted, UTC',
  claimed_by VARCHAR(250) NULL COMMENT 'the run that works on it, or did',
  claimed_at DATETIME(6) NULL COMMENT 'UTC',
  done_at DATETIME(6) NULL COMMENT 'when the figures held it, UTC',
  KEY idx_done (done_at, id)
) ENGINE = InnoDB COMMENT 'what changed in the source and is to be refreshed; written by the source''s triggers, by the application or by an event';

CREATE TABLE IF NOT EXISTS kpi_src_learner (
  learner_id BIGINT PRIMARY KEY,
  captured_at DATETIME(6) NOT NULL COMMENT 'UTC'
) ENGINE = InnoDB COMMENT 'when a learner was last captured alone; rows older than the last whole capture say nothing';

CREATE TABLE IF NOT EXISTS kpi_open_day (
  date_id DATE PRIMARY KEY,
  opened_at DATETIME(6) NOT NULL COMMENT 'UTC',
  is_finished TINYINT(1) NOT NULL DEFAULT 1 COMMENT '0 while weeks, months and windows that one change cannot add to are computed'
) ENGINE = InnoDB COMMENT 'the local day whose rows, and their sums in kpi_day_sum, follow the history change by change; a whole capture closes it';

CREATE TABLE IF NOT EXISTS kpi_day_sum (
  figure VARCHAR(64) NOT NULL COMMENT 'code of the figure',
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  part DECIMAL(50, 20) NOT NULL COMMENT 'what is averaged; the numerator; pairs expected',
  done DECIMAL(50, 20) NOT NULL COMMENT 'ECART_PLAN: pairs done',
  whole BIGINT NOT NULL COMMENT 'the sample',
  reconstructed BIGINT NOT NULL COMMENT 'how many of the sample rest on reconstructed versions',
  PRIMARY KEY (figure, scope_id, target_id)
) ENGINE = InnoDB COMMENT 'exact sums of the open day''s figures, but for the scopes of single learners';

SET @add_finished = IF(
  (SELECT COUNT(*) FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = 'kpi_src_realisation' AND index_name = 'idx_finished') = 0,
  'ALTER TABLE kpi_src_realisation ADD KEY idx_finished (finished_at)',
  'DO 0'
);

PREPARE add_finished FROM @add_finished;

EXECUTE add_finished;

DEALLOCATE PREPARE add_finished;
