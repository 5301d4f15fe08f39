{# What is summed of an observation, by name: those of the figure's `sums`. #}
{% set EXPRESSIONS = {
  'part': 'observation.part',
  'done': 'observation.done',
  'whole': '1',
  'reconstructed': 'observation.reconstructed'
} %}

{# At which targets an observation counts: at those of the figure's levels that are its own or lie above it; with own_level, at its own only
   (one observation per learner and target). #}
{% macro counted_at(figure) -%}
{{ 'closure.is_self = 1' if figure.own_level else "closure.ancestor_type IN ('" ~ figure.target_levels | join("', '") ~ "')" }}
{%- endmacro %}
