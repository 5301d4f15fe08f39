{#
Stages what an adapter selects of a relation: by its own SELECT where source and KPI database are on one server, else by rows of values.
Dates are taken as they are, zero dates too: what is wrong with them the capture says.
-#}
INSERT /*+ SET_VAR(sql_mode = '{{ sql_mode }}') */ INTO stage_{{ relation }} ({{ into | join(', ') }})
{% if select %}
{{- select }}
{%- else -%}
VALUES ({% for _ in into %}%s{{ ', ' if not loop.last }}{% endfor %})
{%- endif %}
