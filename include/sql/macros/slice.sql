{#
The frame of a slice's script (docs/slices.md). What is computed lands in stage_<table>, whose primary key refuses a figure
that gives one cell twice; then only what is new or differs is written, and what vanished is deleted.
#}

{# -- step: create stage #}
{% macro create_stage(table, key, values) -%}
-- step: create stage
CREATE TEMPORARY TABLE IF NOT EXISTS stage_{{ table }} (
{%- for column, type in key.items() %}
  {{ column }} {{ type }} NOT NULL,
{%- endfor %}
{%- for column, type in values.items() %}
  {{ column }} {{ type }},
{%- endfor %}
  PRIMARY KEY ({{ key | join(', ') }})
);
{%- endmacro %}

{% macro write(table, key, values, stamp=none) -%}
-- step: count stored
SELECT COUNT(*)
FROM {{ table }}
WHERE
  date_id = %(date_id)s
  AND period = %(period)s;

-- step: write differences
INSERT INTO {{ table }} (date_id, period, {{ key | join(', ') }}, {{ values | join(', ') }}{{ ', ' ~ stamp if stamp }})
SELECT
  new.date_id,
  new.period,
{%- for column in key %}
  new.{{ column }},
{%- endfor %}
{%- for column in values %}
  new.{{ column }}{{ ',' if stamp or not loop.last }}
{%- endfor %}
{%- if stamp %}
  new.{{ stamp }}
{%- endif %}
FROM (
  SELECT
    %(date_id)s AS date_id,
    %(period)s AS period,
{%- for column in key %}
    stage.{{ column }},
{%- endfor %}
{%- for column in values %}
    stage.{{ column }}{{ ',' if stamp or not loop.last }}
{%- endfor %}
{%- if stamp %}
    UTC_TIMESTAMP() AS {{ stamp }}
{%- endif %}
  FROM stage_{{ table }} AS stage
  LEFT JOIN {{ table }} AS existing
    ON existing.date_id = %(date_id)s
    AND existing.period = %(period)s
{%- for column in key %}
    AND existing.{{ column }} = stage.{{ column }}
{%- endfor %}
  WHERE
    existing.id IS NULL
{%- for column in values %}
    OR NOT (existing.{{ column }} <=> stage.{{ column }})
{%- endfor %}
) AS new
ON DUPLICATE KEY UPDATE
{%- for column in values %}
  {{ column }} = new.{{ column }}{{ ',' if stamp or not loop.last }}
{%- endfor %}
{%- if stamp %}
  {{ stamp }} = new.{{ stamp }}
{%- endif %};

-- step: delete vanished
DELETE existing
FROM {{ table }} AS existing
LEFT JOIN stage_{{ table }} AS stage
  ON {% for column in key %}stage.{{ column }} = existing.{{ column }}{{ '\n  AND ' if not loop.last }}{% endfor %}
WHERE
  existing.date_id = %(date_id)s
  AND existing.period = %(period)s
  AND stage.{{ key | first }} IS NULL;
{%- endmacro %}
