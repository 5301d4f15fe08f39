/*
The closed versions of the history that ended before %(bound)s, and are not the newest of their key: by that one the capture tells whether
a row comes back, and as what. kpi_src_feedback stays whole: an event that is gone would be captured anew.
*/

-- step: expired in kpi_src_realisation
SELECT COUNT(*)
FROM kpi_src_realisation AS version
WHERE
  version.valid_to <= %(bound)s
  AND EXISTS (
    SELECT 1
    FROM kpi_src_realisation AS later
    WHERE
      later.domain = version.domain
      AND later.ref_id = version.ref_id
      AND later.learner_id = version.learner_id
      AND later.valid_from > version.valid_from
  );

-- step: delete from kpi_src_realisation
DELETE gone
FROM kpi_src_realisation AS gone
INNER JOIN (
  SELECT
    version.valid_to,
    version.domain,
    version.ref_id,
    version.learner_id
  FROM kpi_src_realisation AS version
  WHERE
    version.valid_to <= %(bound)s
    AND EXISTS (
      SELECT 1
      FROM kpi_src_realisation AS later
      WHERE
        later.domain = version.domain
        AND later.ref_id = version.ref_id
        AND later.learner_id = version.learner_id
        AND later.valid_from > version.valid_from
    )
  ORDER BY version.valid_to
  LIMIT %(most)s
) AS expired_version
  ON expired_version.valid_to = gone.valid_to
  AND expired_version.domain = gone.domain
  AND expired_version.ref_id = gone.ref_id
  AND expired_version.learner_id = gone.learner_id;

-- step: expired in kpi_src_membership
SELECT COUNT(*)
FROM kpi_src_membership AS version
WHERE
  version.valid_to <= %(bound)s
  AND EXISTS (
    SELECT 1
    FROM kpi_src_membership AS later
    WHERE
      later.scope_type = version.scope_type
      AND later.scope_ref_id = version.scope_ref_id
      AND later.learner_id = version.learner_id
      AND later.valid_from > version.valid_from
  );

-- step: delete from kpi_src_membership
DELETE gone
FROM kpi_src_membership AS gone
INNER JOIN (
  SELECT
    version.valid_to,
    version.scope_type,
    version.scope_ref_id,
    version.learner_id
  FROM kpi_src_membership AS version
  WHERE
    version.valid_to <= %(bound)s
    AND EXISTS (
      SELECT 1
      FROM kpi_src_membership AS later
      WHERE
        later.scope_type = version.scope_type
        AND later.scope_ref_id = version.scope_ref_id
        AND later.learner_id = version.learner_id
        AND later.valid_from > version.valid_from
    )
  ORDER BY version.valid_to
  LIMIT %(most)s
) AS expired_version
  ON expired_version.valid_to = gone.valid_to
  AND expired_version.scope_type = gone.scope_type
  AND expired_version.scope_ref_id = gone.scope_ref_id
  AND expired_version.learner_id = gone.learner_id;

-- step: expired in kpi_src_plan
SELECT COUNT(*)
FROM kpi_src_plan AS version
WHERE
  version.valid_to <= %(bound)s
  AND EXISTS (
    SELECT 1
    FROM kpi_src_plan AS later
    WHERE
      later.scope_type = version.scope_type
      AND later.scope_ref_id = version.scope_ref_id
      AND later.ua_ref_id = version.ua_ref_id
      AND later.valid_from > version.valid_from
  );

-- step: delete from kpi_src_plan
DELETE gone
FROM kpi_src_plan AS gone
INNER JOIN (
  SELECT
    version.valid_to,
    version.scope_type,
    version.scope_ref_id,
    version.ua_ref_id
  FROM kpi_src_plan AS version
  WHERE
    version.valid_to <= %(bound)s
    AND EXISTS (
      SELECT 1
      FROM kpi_src_plan AS later
      WHERE
        later.scope_type = version.scope_type
        AND later.scope_ref_id = version.scope_ref_id
        AND later.ua_ref_id = version.ua_ref_id
        AND later.valid_from > version.valid_from
    )
  ORDER BY version.valid_to
  LIMIT %(most)s
) AS expired_version
  ON expired_version.valid_to = gone.valid_to
  AND expired_version.scope_type = gone.scope_type
  AND expired_version.scope_ref_id = gone.scope_ref_id
  AND expired_version.ua_ref_id = gone.ua_ref_id;
