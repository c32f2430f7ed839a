-- How the statements of one ingest transaction are planned: planned anew they would cost more than they do on small
-- batches, so their plans are kept. That is safe because each of them is a look-up per key, written so that nothing else
-- can be made of it, and never scans: a plan made on empty tables stays right. No parameters. A repeat sets the same.
select set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true)
