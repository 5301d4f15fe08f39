/*
A partition and an undo table change places. The rows of both are the month's, so MySQL need not read them all again while everybody
waits. After an INSTANT column, or with another innodb_default_row_format than when it was made, the table lies otherwise than a new one,
and the exchange is refused: rebuilt, while others read and write it, it does not; a partition alone would.
*/
-- step: exchange
ALTER TABLE kpi_value EXCHANGE PARTITION p202601 WITH TABLE kpi_undo_kpi_value_202601_20260501050000000000 WITHOUT VALIDATION;

-- step: rebuild
ALTER TABLE kpi_value FORCE, ALGORITHM = INPLACE, LOCK = NONE;
