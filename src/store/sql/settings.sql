-- name: plan_mode_update
-- Sets, for the rest of this transaction, whether statements may keep one generic plan or are planned for their parameters
-- each time, without compiling their code. $1 auto or force_custom_plan. A repeat sets the same values again.
select set_config('plan_cache_mode', $1, true), set_config('jit', 'off', true);

-- name: plan_mode_update_batch
-- Sets, for the rest of this transaction, whether the look-ups of a batch keep one generic plan: they do once Postgres knows the
-- tables by many rows, because a plan that was made before would stay. It is made anew whenever the statistics are. A generic plan
-- takes each list for 10 elements, and folds no condition on a parameter. It may, because the look-ups of a batch are fenced
-- (statements.ts): each key is looked up by itself, however many there are. To plan them takes as long as to apply some runs.
-- On a cluster's coordinator the tables have no rows. A repeat sets the same values again.
select set_config('plan_cache_mode', case when min(reltuples) >= 10000 then 'force_generic_plan' else 'force_custom_plan' end, true),
  set_config('jit', 'off', true)
from pg_class
where oid = any (array['runs'::regclass, 'traces'::regclass]);

-- name: statement_timeout_update
-- Sets, for the rest of this transaction, how long each statement may take. $1 milliseconds as text. A repeat sets the same
-- value again.
select set_config('statement_timeout', $1, true);
