"""What looks after the tables: migrations, partitions, retention, storage, the calendar, the checks before a run."""
