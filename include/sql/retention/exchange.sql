/*
A partition and an undo table change places. The rows of both are the month's, so MySQL need not read them all again while everybody
waits. After an INSTANT column, or with another innodb_default_row_format than when it was made, the table lies otherwise than a new one,
and the exchange is refused: rebuilt, while others read and write it, it does not; a partition alone would.
*/
-- step: exchange
ALTER TABLE {{ table }} EXCHANGE PARTITION {{ partition }} WITH TABLE {{ undo_table }} WITHOUT VALIDATION;

-- step: rebuild
ALTER TABLE {{ table }} FORCE, ALGORITHM = INPLACE, LOCK = NONE;
