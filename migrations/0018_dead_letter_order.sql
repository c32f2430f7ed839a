-- compatible
-- Dead letters are listed and handled newest first.
create index dead_letters_time on dead_letters (tenant_id, received_at desc, id);
