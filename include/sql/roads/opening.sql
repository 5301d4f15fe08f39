/*
The opening of a day, %(as_of)s: the exact sums behind its figures, to which changes are added (roads/change).
*/
{% import 'sets/day/instants.sql' as instants %}
{% set folders = ['day'] %}
-- step: forget another day's
DELETE FROM kpi_day_sum;
{% for table in fact_tables %}
{% for figure in figures(table) if figure.kind == 'additive' %}

-- step: {{ figure.code }} | figure={{ figure.code }}
INSERT INTO kpi_day_sum (figure, scope_id, target_id, {{ day_sums | join(', ') }})
{% include 'roads/observed.sql' %}

SELECT
  '{{ figure.code }}',
  scope_id,
  target_id
{%- for name in day_sums %},
  {{ name if name in figure.sums else '0' }}
{%- endfor %}
FROM scope_sum;
{% endfor %}
{% endfor %}
