/*
The latest day up to %(last)s whose facts are all written: the last good night, as of which thresholds are looked at.
*/
{% import 'roads/periods.sql' as periods with context %}
WITH {{ periods.done_days("DATE '1000-01-01'", '%(last)s') }}

SELECT MAX(date_id)
FROM done_day
