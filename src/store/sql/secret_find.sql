-- A secret of the installation. $1 name. Reads only.
select value
from secrets
where name = $1
