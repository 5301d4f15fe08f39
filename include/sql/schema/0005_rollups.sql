/*
Rollups: the tile cache; and in the ledger, for which scopes and why a slice was written. MySQL has no ADD COLUMN IF NOT EXISTS, so
each is asked for first: the migration can be run again after it stopped half-way.
*/
CREATE TABLE IF NOT EXISTS kpi_tile_cache (
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  day_on DATE NULL COMMENT 'date_id of day_figures: the last D of kpi_value; NULL when the pair has no row there',
  day_figures JSON NULL COMMENT '{code: {value, numerator, denominator, sample_size, extra}}',
  week_on DATE NULL,
  week_figures JSON NULL,
  month_on DATE NULL,
  month_figures JSON NULL,
  rolling_on DATE NULL,
  rolling_figures JSON NULL,
  computed_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP COMMENT 'when the row last changed, UTC',
  PRIMARY KEY (scope_id, target_id)
) ENGINE = InnoDB COMMENT 'the latest figures of a scope on a target, one row to read';

SET @add_scopes = IF(
  (SELECT COUNT(*) FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'kpi_run' AND column_name = 'scopes') = 0,
  'ALTER TABLE kpi_run ADD COLUMN scopes VARCHAR(255) NULL COMMENT ''the scopes written, when not all: types, then ids'' AFTER date_to',
  'DO 0'
);

PREPARE add_scopes FROM @add_scopes;

EXECUTE add_scopes;

DEALLOCATE PREPARE add_scopes;

SET @add_reason = IF(
  (SELECT COUNT(*) FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'kpi_run' AND column_name = 'reason') = 0,
  'ALTER TABLE kpi_run ADD COLUMN reason VARCHAR(500) NULL COMMENT ''why a person had it written'' AFTER message',
  'DO 0'
);

PREPARE add_reason FROM @add_reason;

EXECUTE add_reason;

DEALLOCATE PREPARE add_reason;
