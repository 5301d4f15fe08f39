/*
What was true when: the capture's versions of the source's rows. valid_from is inclusive, valid_to exclusive, '9999-12-31' while the
version is open; all instants are UTC. The primary keys begin with valid_to, so that the versions in force on a recent day lie side by
side and the key itself allows one open version per row. Ids of GLOBAL are 0 here, since key columns cannot be NULL.
*/
CREATE TABLE IF NOT EXISTS kpi_src_realisation (
  valid_to DATETIME(6) NOT NULL,
  domain ENUM('MODULE', 'COMPETENCE', 'MICRO_COMPETENCE', 'UA') NOT NULL,
  ref_id BIGINT NOT NULL,
  learner_id BIGINT NOT NULL,
  valid_from DATETIME(6) NOT NULL,
  state_code VARCHAR(32) NOT NULL COMMENT 'UNKNOWN where the source has none',
  state_order INT NOT NULL COMMENT '999 for UNKNOWN',
  is_final TINYINT(1) NOT NULL,
  progress_pct DECIMAL(13, 10) NULL COMMENT '0 to 100',
  score DECIMAL(20, 10) NULL,
  score_max DECIMAL(20, 10) NULL,
  started_at DATETIME(6) NULL COMMENT 'believed start; NULL while the state is TODO',
  finished_at DATETIME(6) NULL COMMENT 'believed end; NULL while not final, or when before the start',
  last_activity_at DATETIME(6) NULL,
  created_at DATETIME(6) NULL,
  source_started_at DATETIME(6) NULL COMMENT 'as the source says, believed or not',
  source_finished_at DATETIME(6) NULL COMMENT 'as the source says, believed or not',
  started_from DATETIME(6) NULL COMMENT 'valid_from of the first version of the current started run',
  started_seen_at DATETIME(6) NULL COMMENT 'the capture that first saw that run',
  unstarted_seen_at DATETIME(6) NULL COMMENT 'the last capture that saw the row not started',
  final_from DATETIME(6) NULL COMMENT 'valid_from of the first version of the current final run',
  final_seen_at DATETIME(6) NULL COMMENT 'the capture that first saw that run',
  unfinal_seen_at DATETIME(6) NULL COMMENT 'the last capture that saw the row not final',
  last_seen_at DATETIME(6) NULL COMMENT 'closed versions: the last capture that saw the version',
  origin ENUM('CAPTURED', 'RECONSTRUCTED') NOT NULL,
  PRIMARY KEY (valid_to, domain, ref_id, learner_id),
  UNIQUE KEY uq_realisation (learner_id, domain, ref_id, valid_from),
  CONSTRAINT realisation_version_lasts CHECK (valid_from < valid_to)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS kpi_src_membership (
  valid_to DATETIME(6) NOT NULL,
  scope_type ENUM('GLOBAL', 'SESSION', 'GROUPE', 'SOUS_GROUPE', 'FORMATEUR', 'APPRENANT') NOT NULL,
  scope_ref_id BIGINT NOT NULL COMMENT '0 for GLOBAL',
  learner_id BIGINT NOT NULL,
  valid_from DATETIME(6) NOT NULL,
  active_from DATETIME(6) NULL COMMENT 'NULL = always',
  active_to DATETIME(6) NULL COMMENT 'exclusive; NULL = open',
  origin ENUM('CAPTURED', 'RECONSTRUCTED') NOT NULL,
  PRIMARY KEY (valid_to, scope_type, scope_ref_id, learner_id),
  UNIQUE KEY uq_membership (learner_id, scope_type, scope_ref_id, valid_from),
  CONSTRAINT membership_version_lasts CHECK (valid_from < valid_to)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS kpi_src_plan (
  valid_to DATETIME(6) NOT NULL,
  scope_type ENUM('GROUPE') NOT NULL,
  scope_ref_id BIGINT NOT NULL,
  ua_ref_id BIGINT NOT NULL,
  valid_from DATETIME(6) NOT NULL,
  due_on DATE NOT NULL COMMENT 'local date',
  created_at DATETIME(6) NULL,
  origin ENUM('CAPTURED', 'RECONSTRUCTED') NOT NULL,
  PRIMARY KEY (valid_to, scope_type, scope_ref_id, ua_ref_id),
  UNIQUE KEY uq_plan_version (scope_type, scope_ref_id, ua_ref_id, valid_from),
  CONSTRAINT plan_version_lasts CHECK (valid_from < valid_to)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS kpi_src_feedback (
  submission_id BIGINT NOT NULL,
  target_type ENUM('GLOBAL', 'MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE', 'REFERENTIEL') NOT NULL,
  target_ref_id BIGINT NOT NULL COMMENT '0 for GLOBAL',
  learner_id BIGINT NOT NULL,
  submitted_at DATETIME(6) NULL,
  feedback_at DATETIME(6) NULL COMMENT 'NULL when the source has one that is not after the submission',
  trainer_id BIGINT NULL,
  captured_at DATETIME(6) NOT NULL,
  PRIMARY KEY (submission_id, target_type, target_ref_id),
  KEY idx_feedback_at (feedback_at)
) ENGINE = InnoDB COMMENT 'events, append-only: a submission''s targets are fixed when it is first captured';

CREATE TABLE IF NOT EXISTS kpi_src_scope (
  scope_type ENUM('GLOBAL', 'SESSION', 'GROUPE', 'SOUS_GROUPE', 'FORMATEUR', 'APPRENANT') NOT NULL,
  ref_id BIGINT NOT NULL COMMENT '0 for GLOBAL',
  label VARCHAR(191) NULL,
  PRIMARY KEY (scope_type, ref_id)
) ENGINE = InnoDB COMMENT 'current labels; what the source deleted stays';

CREATE TABLE IF NOT EXISTS kpi_src_target (
  target_type ENUM('GLOBAL', 'MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE', 'REFERENTIEL') NOT NULL,
  ref_id BIGINT NOT NULL COMMENT '0 for GLOBAL',
  label VARCHAR(191) NULL,
  parent_type ENUM('GLOBAL', 'MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE', 'REFERENTIEL') NULL,
  parent_ref_id BIGINT NULL,
  PRIMARY KEY (target_type, ref_id)
) ENGINE = InnoDB COMMENT 'current tree and labels; what the source deleted stays where it last was';
