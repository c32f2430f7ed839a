-- Remembers the trace that a content was announced for. $1 tenant, $2 media, $3 trace. A repeat changes nothing.
insert into media_traces (tenant_id, media_id, trace_id)
values ($1, $2, $3)
on conflict do nothing
