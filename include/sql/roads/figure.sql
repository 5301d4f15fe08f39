{# A figure on a road: both halves, or its own SELECT as it is. -#}
{% if figure.kind == 'own' -%}
{% include figure.template %}
{%- else -%}
{% include 'roads/observed.sql' %}

{% include 'shown/' ~ figure.shown ~ '.sql' %}
{%- endif %}
