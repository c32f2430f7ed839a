-- compatible
-- Experiments and items that exist in traces alone: OpenTelemetry's clients run them over data of their own.

-- What the client calls an experiment that it did not make here.
alter table experiments add column external_id text;

-- The example as the client sent it along, which is all there is where it is in no dataset.
alter table run_items
  add column external_example_id text,
  add column example_outputs json,
  add column example_metadata json;
