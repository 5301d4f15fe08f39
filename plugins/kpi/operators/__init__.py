"""Airflow operators: each renders its SQL, does one thing, and logs what it did."""
