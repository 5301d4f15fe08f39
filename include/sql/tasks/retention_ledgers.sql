/*
What the task `ledgers` runs; a dry run only counts. The bounds are bound when it runs; its log names them.
*/
{% include 'retention/history.sql' %}

{% include 'retention/ledgers.sql' %}
