/*
Alerts: figures beyond a threshold of their metric's header for days in a row, nights that failed, nights that are late. An alert lasts from
since_on to until_on; what is new about it is told once (told_at, end_told_at).
*/
CREATE TABLE IF NOT EXISTS kpi_alert (
  id BIGINT PRIMARY KEY AUTO_INCREMENT,
  kind ENUM('THRESHOLD', 'FAILED', 'LATE') NOT NULL,
  code VARCHAR(64) NOT NULL COMMENT 'THRESHOLD: the metric; FAILED, LATE: the DAG',
  rule VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'THRESHOLD: which one of the metric''s header, as below 50 for 3',
  scope_id BIGINT NOT NULL DEFAULT 0 COMMENT 'kpi_scope.id; 0 when it is about no scope',
  target_id BIGINT NOT NULL DEFAULT 0 COMMENT 'kpi_target.id; 0 when it is about no target',
  since_on DATE NOT NULL COMMENT 'THRESHOLD: the first day beyond; FAILED: the day of the run; LATE: the first day missing',
  until_on DATE NULL COMMENT 'the first local day on which it is over; NULL while it lasts',
  level ENUM('amber', 'red') NOT NULL,
  threshold DECIMAL(12, 4) NULL COMMENT 'in the metric''s unit',
  value_num DECIMAL(12, 4) NULL COMMENT 'the latest value beyond, in the metric''s unit',
  message TEXT NULL COMMENT 'FAILED: what the task said',
  opened_at DATETIME(6) NOT NULL COMMENT 'UTC',
  closed_at DATETIME(6) NULL COMMENT 'UTC',
  told_at DATETIME(6) NULL COMMENT 'when the notifier took it, UTC; NULL: it is to be told',
  end_told_at DATETIME(6) NULL COMMENT 'when the notifier took its end, UTC',
  UNIQUE KEY uq_alert (kind, code, rule, scope_id, target_id, since_on),
  KEY idx_until (until_on)
) ENGINE = InnoDB COMMENT 'what was worth telling, from when to when, and whether it was told';
