/*
A key to search scopes by their label, for the dashboard: 20,000 learners are searched within the key, in its order. MySQL has no
ADD INDEX IF NOT EXISTS, so it is asked for first: the migration can be run again after it stopped half-way.
*/
SET @add_index = IF(
  (SELECT COUNT(*) FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = 'kpi_scope' AND index_name = 'idx_label') = 0,
  'ALTER TABLE kpi_scope ADD INDEX idx_label (scope_type, label)',
  'DO 0'
);

PREPARE add_index FROM @add_index;

EXECUTE add_index;

DEALLOCATE PREPARE add_index;
