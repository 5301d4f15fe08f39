{# Keeps readers and writers off tables. -#}
LOCK TABLES {% for table in tables %}{{ table }} WRITE{{ ', ' if not loop.last }}{% endfor %}
