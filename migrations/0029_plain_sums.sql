-- compatible
-- Most sums of an experiment are the bins of its histograms, which few refreshes need (docs/architecture.md 4.7). The key of
-- a sum is a hash, so only an index tells the others apart. Its columns never change: an update of a sum stays as cheap as it is.
create index experiment_sums_plain on experiment_sums (tenant_id, experiment_id)
  where kind not in ('latency', 'first_token');
