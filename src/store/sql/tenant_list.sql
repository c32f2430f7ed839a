-- Every tenant, oldest first. No parameters. A repeat reads again.
select id, name from tenants order by created_at, id
