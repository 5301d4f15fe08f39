{# Puts a learner of whom something changed on the list. -#}
INSERT INTO kpi_change (domain, learner_id) VALUES (%(domain)s, %(learner_id)s)
