-- name: plan_mode_update
-- Whether the statements that follow in this transaction keep one plan, or are planned for what they find.
-- $1 force_generic_plan or force_custom_plan. A repeat sets the same.
select set_config('plan_cache_mode', $1, true);
