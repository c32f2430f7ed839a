-- compatible
-- Experiments and items that exist only in traces: OpenTelemetry's clients run them over data of their own.

-- The client's id of an experiment that it did not create here.
alter table experiments add column external_id text;

-- The example as the client sent it along. When it is in no dataset, this is all there is of it.
alter table run_items
  add column external_example_id text,
  add column example_outputs json,
  add column example_metadata json;
