create or replace function _note_uptime()
returns void
language plpgsql
volatile
as $_note_uptime$
begin
    if not exists (select from uptime) then
        insert into uptime (since) values (_now()) on conflict on constraint uptime_pkey do nothing;
    end if;
end
$_note_uptime$;

comment on function _note_uptime() is
    'Records, after a crash or a promotion has emptied the table uptime, that the server is up again.';
