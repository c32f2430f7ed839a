-- name: plan_mode_update
-- Sets, for the rest of this transaction, whether statements may keep one generic plan or are planned for their parameters
-- each time, without compiling their code. $1 auto, force_generic_plan or force_custom_plan. A repeat sets the same values again.
select set_config('plan_cache_mode', $1, true), set_config('jit', 'off', true);

-- name: statement_timeout_update
-- Sets, for the rest of this transaction, how long each statement may take. $1 milliseconds as text. A repeat sets the same
-- value again.
select set_config('statement_timeout', $1, true);
