{% include 'sets/day/feedback.sql' %}
