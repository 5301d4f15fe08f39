"""Ask Airflow's health page about one of its parts: metadatabase, scheduler, dag_processor or triggerer.

`airflow jobs check` says the same, but loads all of Airflow for it.
"""

import json
import sys
import urllib.request

PAGE = "http://airflow-api:8080/api/v2/monitor/health"

with urllib.request.urlopen(PAGE, timeout=25) as answer:
    status = json.load(answer)[sys.argv[1]]["status"]
if status != "healthy":
    sys.exit(f"{sys.argv[1]}: {status}")
