INSERT /*+ SET_VAR(sql_mode = 'STRICT_TRANS_TABLES,ALLOW_INVALID_DATES,ERROR_FOR_DIVISION_BY_ZERO') */ INTO stage_scope (scope_type, ref_id)
SELECT
  scope_type,
  ref_id
FROM lms_scope
