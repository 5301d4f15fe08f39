/*
The latest day from %(first)s to %(last)s whose facts are all written: the one as of which thresholds are looked at.
*/
{% import 'macros/rollup.sql' as rollup %}
WITH {{ rollup.done_days('%(first)s', '%(last)s') }}

SELECT MAX(date_id)
FROM done_day
