-- Traces of an experiment in which some run has this metadata. $1 tenant, $2 experiment, $3 a JSON object that the
-- metadata contains, $4 how many at most. Reads only.
select distinct trace_id as id
from runs
where tenant_id = $1 and experiment_id = $2 and metadata @> $3::text::jsonb and trace_id is not null
limit $4
