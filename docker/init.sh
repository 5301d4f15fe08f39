#!/bin/sh
# Runs once before the other containers: metadata database, MySQL accounts, the UI's user. May be repeated.
set -eu
airflow db migrate
python scripts/mysql_accounts.py "$KPI_DATABASE" "$LMS_DATABASE"
# The file that Airflow's simple auth manager reads (and would otherwise fill with a random password).
umask 077
python - <<'PYTHON'
import json, os, pathlib

home = pathlib.Path(os.environ["AIRFLOW_HOME"])
users = {"admin": os.environ["AIRFLOW_ADMIN_PASSWORD"]}
(home / "simple_auth_manager_passwords.json.generated").write_text(json.dumps(users))
PYTHON
airflow dags reserialize
