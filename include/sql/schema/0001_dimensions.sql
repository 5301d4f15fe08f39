/*
The four dimensions of the star schema, as in the design (section 1), with three documented deviations (docs/schema.md):
ref_key, which makes the unique key hold for GLOBAL (ref_id NULL), and utc_start/utc_end, the only place where the time zone is resolved.
*/
CREATE TABLE IF NOT EXISTS kpi_time (
  date_id DATE PRIMARY KEY COMMENT 'local day of the institution (Africa/Casablanca)',
  y SMALLINT NOT NULL,
  m TINYINT NOT NULL,
  d TINYINT NOT NULL,
  iso_week TINYINT NOT NULL,
  iso_year SMALLINT NOT NULL COMMENT 'the year the ISO week belongs to; differs from y around New Year',
  month_label CHAR(7) GENERATED ALWAYS AS (DATE_FORMAT(date_id, '%Y-%m')) STORED,
  utc_start DATETIME NOT NULL COMMENT 'first instant of the local day, UTC, inclusive',
  utc_end DATETIME NOT NULL COMMENT 'end of the local day, UTC, exclusive: the next day''s utc_start',
  KEY idx_utc_start (utc_start)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS kpi_scope (
  id BIGINT PRIMARY KEY AUTO_INCREMENT,
  scope_type ENUM('GLOBAL', 'SESSION', 'GROUPE', 'SOUS_GROUPE', 'FORMATEUR', 'APPRENANT') NOT NULL,
  ref_id BIGINT NULL COMMENT 'id in the source; NULL for GLOBAL',
  ref_key BIGINT GENERATED ALWAYS AS (COALESCE(ref_id, 0)) STORED NOT NULL,
  label VARCHAR(191) NULL,
  UNIQUE KEY uq_scope (scope_type, ref_key)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS kpi_target (
  id BIGINT PRIMARY KEY AUTO_INCREMENT,
  target_type ENUM('GLOBAL', 'MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE', 'REFERENTIEL') NOT NULL,
  ref_id BIGINT NULL COMMENT 'id in the source; NULL for GLOBAL',
  ref_key BIGINT GENERATED ALWAYS AS (COALESCE(ref_id, 0)) STORED NOT NULL,
  label VARCHAR(191) NULL,
  UNIQUE KEY uq_target (target_type, ref_key)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS kpi_target_closure (
  target_type ENUM('GLOBAL', 'MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE', 'REFERENTIEL') NOT NULL,
  ref_id BIGINT NOT NULL COMMENT 'id in the source, 0 for GLOBAL',
  target_id BIGINT NOT NULL COMMENT 'kpi_target.id of the target',
  ancestor_id BIGINT NOT NULL COMMENT 'kpi_target.id of the target itself or of one above it',
  ancestor_type ENUM('GLOBAL', 'MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE', 'REFERENTIEL') NOT NULL,
  is_self TINYINT(1) NOT NULL,
  PRIMARY KEY (target_type, ref_id, ancestor_id)
) ENGINE = InnoDB COMMENT 'the tree of targets now in force, unfolded: where a row about a target counts';

CREATE TABLE IF NOT EXISTS kpi_metric (
  id BIGINT PRIMARY KEY AUTO_INCREMENT,
  code VARCHAR(64) NOT NULL UNIQUE,
  label VARCHAR(191) NOT NULL,
  unit ENUM('%', 'points', 'nb', 'jours', 'heures', 'ratio', 'score') NOT NULL,
  agg ENUM('AVG', 'SUM', 'COUNT', 'MEDIAN', 'PERCENTILE', 'PCT') NOT NULL,
  higher_is_better TINYINT(1) NOT NULL DEFAULT 1,
  category ENUM('PROGRESSION', 'MAITRISE', 'RYTHME', 'ACTIVITE', 'COUVERTURE', 'ETAT', 'FEEDBACK', 'QUALITE') NOT NULL,
  target_levels SET('GLOBAL', 'MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') NOT NULL,
  description TEXT NULL
) ENGINE = InnoDB;
