/*
relation: feedback
counts: >
  One row per answered submission and UA that its task hangs on. A submission is a row of a task's history saved by
  the learner himself (isFeedback = 0); it is answered when the next thing that happens on the task is a trainer's
  feedback: his row of the history (isFeedback = 1) or his comment. So the delay runs from the learner's last
  submission before the feedback. Nothing is said of submissions that wait for an answer.
reads:
  apprenants: [id, user_id]
  formateurs: [id, user_id]
  realisation_projets: [id, apprenant_id]
  realisation_taches: [id, realisation_projet_id]
  historique_realisation_taches: [id, realisation_tache_id, dateModification, isFeedback, user_id]
  commentaire_realisation_taches: [id, realisation_tache_id, dateCommentaire, formateur_id]
  realisation_chapitres: [realisation_ua_id, realisation_tache_id]
  realisation_ua_prototypes: [realisation_ua_id, realisation_tache_id]
  realisation_ua_projets: [realisation_ua_id, realisation_tache_id]
  realisation_uas: [id, unite_apprentissage_id]
notes: >
  kind is TACHE: the work on a task. submission_id is the id of the history row. At the same instant feedback comes before submissions, so that it never
  answers one made in the same second; then the history comes before comments, then the smaller id. A task that hangs
  on no UA gives one row on GLOBAL. Several trainers with one user: the smallest id. Things happen in the order of the
  wall clock; in the hour that a clock change repeats that order can be wrong.
example: >
  On a task of UA 31 learner 12 submits at 09:00 (history 70) and 10:00 (history 71), trainer 3 comments at 14:30 and
  at 15:00: one row, TACHE, 71, 12, UA, 31, submitted at 10:00, feedback at 14:30, trainer 3.
*/
{#- The tasks of the learners captured alone, all others; of_learners leaves nobody out in a whole capture. #}
{%- macro of_tasks(task_id) -%}
{% if only_learners | default(false) -%}
{{ task_id }} IN (
  SELECT tasks.id
  FROM {{ source }}.realisation_taches AS tasks
  INNER JOIN {{ source }}.realisation_projets AS projects
    ON projects.id = tasks.realisation_projet_id
  WHERE {{ of_learners('projects.apprenant_id') }}
)
{%- else -%}
TRUE
{%- endif %}
{%- endmacro %}
WITH trainer_users AS (
  SELECT
    user_id,
    MIN(id) AS trainer_id
  FROM {{ source }}.formateurs
  WHERE user_id IS NOT NULL
  GROUP BY user_id
),

events AS (
  SELECT
    history.realisation_tache_id AS task_id,
    history.`dateModification` AS happened_at,
    1 AS is_submission,
    0 AS is_comment,
    history.id AS event_id,
    apprenants.id AS learner_id,
    NULL AS trainer_id
  FROM {{ source }}.historique_realisation_taches AS history
  INNER JOIN {{ source }}.realisation_taches AS tasks
    ON tasks.id = history.realisation_tache_id
  INNER JOIN {{ source }}.realisation_projets AS projects
    ON projects.id = tasks.realisation_projet_id
  INNER JOIN {{ source }}.apprenants
    ON apprenants.id = projects.apprenant_id
    AND apprenants.user_id = history.user_id
  WHERE
    history.`isFeedback` = 0
    AND {{ of_learners('projects.apprenant_id') }}
  UNION ALL
  SELECT
    history.realisation_tache_id AS task_id,
    history.`dateModification` AS happened_at,
    0 AS is_submission,
    0 AS is_comment,
    history.id AS event_id,
    NULL AS learner_id,
    trainer_users.trainer_id
  FROM {{ source }}.historique_realisation_taches AS history
  INNER JOIN trainer_users
    ON trainer_users.user_id = history.user_id
  WHERE
    history.`isFeedback` = 1
    AND {{ of_tasks('history.realisation_tache_id') | indent(4) }}
  UNION ALL
  SELECT
    realisation_tache_id AS task_id,
    `dateCommentaire` AS happened_at,
    0 AS is_submission,
    1 AS is_comment,
    id AS event_id,
    NULL AS learner_id,
    formateur_id AS trainer_id
  FROM {{ source }}.commentaire_realisation_taches
  WHERE
    formateur_id IS NOT NULL
    AND {{ of_tasks('realisation_tache_id') | indent(4) }}
),

followed_events AS (
  SELECT
    task_id,
    is_submission,
    event_id,
    learner_id,
    happened_at,
    LEAD(happened_at) OVER on_task AS next_at,
    LEAD(trainer_id) OVER on_task AS next_trainer_id
  FROM events
  WINDOW on_task AS (PARTITION BY task_id ORDER BY happened_at, is_submission, is_comment, event_id)
),

answered_submissions AS (
  SELECT
    task_id,
    event_id AS submission_id,
    learner_id,
    {{ utc('happened_at') | indent(4) }} AS submitted_at,
    {{ utc('next_at') | indent(4) }} AS feedback_at,
    next_trainer_id AS trainer_id
  FROM followed_events
  WHERE
    is_submission = 1
    AND next_trainer_id IS NOT NULL
),

task_links AS (
  SELECT
    realisation_tache_id AS task_id,
    realisation_ua_id
  FROM {{ source }}.realisation_chapitres
  WHERE
    realisation_tache_id IS NOT NULL
    AND {{ of_tasks('realisation_tache_id') | indent(4) }}
  UNION ALL
  SELECT
    realisation_tache_id AS task_id,
    realisation_ua_id
  FROM {{ source }}.realisation_ua_prototypes
  WHERE {{ of_tasks('realisation_tache_id') | indent(4) }}
  UNION ALL
  SELECT
    realisation_tache_id AS task_id,
    realisation_ua_id
  FROM {{ source }}.realisation_ua_projets
  WHERE {{ of_tasks('realisation_tache_id') | indent(4) }}
),

task_uas AS (
  SELECT DISTINCT
    task_links.task_id,
    realisation_uas.unite_apprentissage_id AS ua_id
  FROM task_links
  INNER JOIN {{ source }}.realisation_uas
    ON realisation_uas.id = task_links.realisation_ua_id
)

SELECT
  'TACHE' AS kind,
  answered_submissions.submission_id,
  answered_submissions.learner_id,
  IF(task_uas.ua_id IS NULL, 'GLOBAL', 'UA') AS target_type,
  task_uas.ua_id AS target_ref_id,
  answered_submissions.submitted_at,
  answered_submissions.feedback_at,
  answered_submissions.trainer_id
FROM answered_submissions
LEFT JOIN task_uas
  ON task_uas.task_id = answered_submissions.task_id
