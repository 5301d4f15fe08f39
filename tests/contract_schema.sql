CREATE TABLE scope (scope_type VARCHAR(32) NOT NULL, ref_id BIGINT NULL, label VARCHAR(255) NULL);
CREATE TABLE target (
  target_type VARCHAR(32) NOT NULL, ref_id BIGINT NULL, label VARCHAR(255) NULL, parent_type VARCHAR(32) NULL,
  parent_ref_id BIGINT NULL
);
CREATE TABLE realisation (
  domain VARCHAR(32) NOT NULL, ref_id BIGINT NOT NULL, learner_id BIGINT NOT NULL, state_code VARCHAR(32) NULL,
  state_order INT NULL, is_final TINYINT(1) NULL, progress_pct DOUBLE NULL, score DOUBLE NULL, score_max DOUBLE NULL,
  started_at DATETIME(6) NULL, finished_at DATETIME(6) NULL, last_activity_at DATETIME(6) NULL,
  created_at DATETIME(6) NULL, changed_at DATETIME(6) NULL
);
CREATE TABLE membership (
  scope_type VARCHAR(32) NOT NULL, scope_ref_id BIGINT NULL, learner_id BIGINT NOT NULL, active_from DATETIME(6) NULL,
  active_to DATETIME(6) NULL
);
CREATE TABLE plan (
  scope_type VARCHAR(32) NOT NULL, scope_ref_id BIGINT NOT NULL, ua_ref_id BIGINT NOT NULL, due_on DATE NOT NULL,
  created_at DATETIME(6) NULL
);
CREATE TABLE feedback (
  kind VARCHAR(32) NOT NULL, submission_id BIGINT NOT NULL, learner_id BIGINT NOT NULL, target_type VARCHAR(32) NOT NULL,
  target_ref_id BIGINT NULL,
  submitted_at DATETIME(6) NULL, feedback_at DATETIME(6) NULL, trainer_id BIGINT NULL
);
