create or replace function _record_uptime()
returns void
language plpgsql
volatile
as $_record_uptime$
begin
    if not exists (select from uptime) then
        insert into uptime (since) values (_now()) on conflict on constraint uptime_pkey do nothing;
    end if;
end
$_record_uptime$;

comment on function _record_uptime() is
    'Records that the server is up again after a crash or a promotion has emptied the table uptime.';
