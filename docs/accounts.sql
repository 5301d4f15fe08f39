-- The four MySQL accounts of this package and every right they have. `make up`, the demo and the tests
-- execute this very file; on your own server, replace the placeholders and run it as an administrator:
--
--   @kpi_db       database with the kpi_* tables        (kpi)
--   @lms_db       database of the LMS, never written to
--   @kpi_source, @kpi_etl, @kpi_admin, @kpi_read        account names
--   @kpi_source_password … @kpi_read_password           their passwords
--
-- `%` lets an account in from any host: put the address of the Airflow machine in its place.
-- In a database name of a GRANT, `_` stands for any character: write `lms\_demo` for lms_demo.
-- With the LMS on another server, run the statements that name @lms_db there, and the others here.

-- kpi_source: reads the LMS. Nothing else, so that no mistake here can touch the application's data.
CREATE USER IF NOT EXISTS '@kpi_source'@'%' IDENTIFIED BY '@kpi_source_password';
GRANT SELECT ON `@lms_db`.* TO '@kpi_source'@'%';

-- kpi_etl: writes history, facts and ledger, row by row. It cannot create, alter or drop a table.
--   SELECT                   joins the history with the dimensions
--   INSERT, UPDATE, DELETE   the upsert of a slice, and the removal of rows that no longer exist
--   CREATE TEMPORARY TABLES  a slice is computed into a temporary table before it is written
CREATE USER IF NOT EXISTS '@kpi_etl'@'%' IDENTIFIED BY '@kpi_etl_password';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE TEMPORARY TABLES ON `@kpi_db`.* TO '@kpi_etl'@'%';

-- Only when the LMS lies on this same server: capture is then one INSERT … SELECT from it.
GRANT SELECT ON `@lms_db`.* TO '@kpi_etl'@'%';

-- kpi_admin: bootstrap, partition maintenance and retention.
--   CREATE, ALTER, DROP, INDEX      migrations; partitions are added and dropped by ALTER and DROP; retention makes a table
--                                   beside (CREATE), exchanges it with a partition (ALTER, INSERT), and drops it later
--   REFERENCES                      foreign keys, in that storage mode
--   LOCK TABLES                     rows are counted, compared and moved while nobody writes: partition maintenance
--                                   and conversion between storage modes
--   SELECT, INSERT, UPDATE, DELETE  the list of migrations, the metric dictionary, data moved by a migration
CREATE USER IF NOT EXISTS '@kpi_admin'@'%' IDENTIFIED BY '@kpi_admin_password';
GRANT CREATE, ALTER, DROP, INDEX, REFERENCES, LOCK TABLES, SELECT, INSERT, UPDATE, DELETE ON `@kpi_db`.* TO '@kpi_admin'@'%';

-- kpi_read: dashboards and applications.
CREATE USER IF NOT EXISTS '@kpi_read'@'%' IDENTIFIED BY '@kpi_read_password';
GRANT SELECT ON `@kpi_db`.* TO '@kpi_read'@'%';

-- No account of this package: an application that itself says which learners changed, where the LMS has no triggers
-- (include/sql/source/soli_lms/changes). It inserts rows of kpi_change, these columns, and can neither read nor change one:
--   GRANT INSERT (domain, ref_id, learner_id) ON `@kpi_db`.kpi_change TO 'its account'@'%';
