/*
The four fact tables, as in the design (section 2), partitioned by month of date_id (section 6). MySQL refuses foreign keys on
partitioned tables (error 1506), so the checks look for orphans instead. The primary key holds date_id because MySQL wants the
partitioning column in every unique key. The months ahead are split off p_max by the bootstrap.
*/
CREATE TABLE IF NOT EXISTS kpi_value (
  id BIGINT NOT NULL AUTO_INCREMENT,
  date_id DATE NOT NULL,
  period ENUM('D', 'W', 'M', 'R') NOT NULL DEFAULT 'D',
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  metric_id BIGINT NOT NULL,
  value_num DECIMAL(12, 4) NULL COMMENT 'ready for display, in kpi_metric.unit',
  numerator BIGINT NULL,
  denominator BIGINT NULL,
  sample_size INT NULL,
  extra_json JSON NULL,
  computed_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP COMMENT 'when the row last changed, UTC',
  PRIMARY KEY (id, date_id),
  UNIQUE KEY uq_val (date_id, period, scope_id, target_id, metric_id),
  KEY idx_fast (scope_id, target_id, date_id, metric_id)
) ENGINE = InnoDB
PARTITION BY RANGE (TO_DAYS(date_id)) (
  PARTITION p_max VALUES LESS THAN MAXVALUE
);

CREATE TABLE IF NOT EXISTS kpi_state_count (
  id BIGINT NOT NULL AUTO_INCREMENT,
  date_id DATE NOT NULL,
  period ENUM('D', 'W', 'M') NOT NULL DEFAULT 'D',
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') NOT NULL,
  state_code VARCHAR(32) NOT NULL,
  state_ordre INT NOT NULL COMMENT 'sorts the states; 999 is UNKNOWN',
  count INT NOT NULL DEFAULT 0 COMMENT '(learner, target) pairs in the state',
  PRIMARY KEY (id, date_id),
  UNIQUE KEY uq_hist (date_id, period, scope_id, target_id, domain, state_code),
  KEY idx_hist (scope_id, target_id, date_id, domain, state_ordre)
) ENGINE = InnoDB
PARTITION BY RANGE (TO_DAYS(date_id)) (
  PARTITION p_max VALUES LESS THAN MAXVALUE
);

CREATE TABLE IF NOT EXISTS kpi_percentiles (
  id BIGINT NOT NULL AUTO_INCREMENT,
  date_id DATE NOT NULL,
  period ENUM('D', 'W', 'M') NOT NULL DEFAULT 'D',
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  measure_code ENUM('DELAI_ACQUIS_MICRO', 'DELAI_ACQUIS_COMP', 'DELAI_FEEDBACK') NOT NULL COMMENT 'days, days, hours',
  p50 DECIMAL(12, 4) NULL,
  p75 DECIMAL(12, 4) NULL,
  p90 DECIMAL(12, 4) NULL,
  sample_size INT NULL,
  PRIMARY KEY (id, date_id),
  UNIQUE KEY uq_pct (date_id, period, scope_id, target_id, measure_code),
  KEY idx_pct (scope_id, target_id, date_id, measure_code)
) ENGINE = InnoDB
PARTITION BY RANGE (TO_DAYS(date_id)) (
  PARTITION p_max VALUES LESS THAN MAXVALUE
);

CREATE TABLE IF NOT EXISTS kpi_plan_gap (
  id BIGINT NOT NULL AUTO_INCREMENT,
  date_id DATE NOT NULL,
  period ENUM('W', 'M') NOT NULL DEFAULT 'W',
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  expected_count INT NOT NULL DEFAULT 0 COMMENT 'planned pairs due by the period''s end',
  done_count INT NOT NULL DEFAULT 0 COMMENT 'planned pairs, due or not, whose UA is final',
  gap INT AS (done_count - expected_count) STORED,
  coverage_pct DECIMAL(9, 4) AS (
    CASE WHEN expected_count = 0 THEN NULL ELSE (100.0 * done_count / expected_count) END
  ) STORED,
  PRIMARY KEY (id, date_id),
  UNIQUE KEY uq_plan (date_id, period, scope_id, target_id),
  KEY idx_plan (scope_id, target_id, date_id)
) ENGINE = InnoDB
PARTITION BY RANGE (TO_DAYS(date_id)) (
  PARTITION p_max VALUES LESS THAN MAXVALUE
);
