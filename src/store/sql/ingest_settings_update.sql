-- How the statements of one ingest transaction are planned: they look rows up by key, so an index is right whatever the
-- size of the tables, and the plan can be kept. Planned anew they would cost more than they do on small batches, and a
-- kept plan that the planner chose on empty tables would scan full ones. No parameters. A repeat sets the same.
select set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
  set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)
