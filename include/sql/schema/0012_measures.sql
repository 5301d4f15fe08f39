/*
A percentile measure is a file in facts/kpi_percentiles, so its code is no ENUM any more: a new file needs no migration. The values stay as they are
for readers. MySQL copies the table, and writers wait meanwhile; a table that has the definition already is copied again, unchanged.
*/
ALTER TABLE kpi_percentiles
MODIFY COLUMN measure_code VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci NOT NULL
COMMENT 'a file of facts/kpi_percentiles, which says the unit', ALGORITHM = COPY;
