create or replace function await_bell(capabilities text[], until timestamptz)
returns bell
language plpgsql
volatile
security definer
set search_path from current
as $await_bell$
declare
    v_now       constant timestamptz := _now();
    v_channel   text;
    v_waiter    waiter;
begin
    perform _check_capabilities(capabilities);
    if until is null then
        perform _invalid('until', 'must not be null');
    end if;
    perform _check_time('until', until);
    if until <= v_now then
        perform _invalid('until', 'must lie in the future');
    elsif until > v_now + interval '1 day' then
        perform _invalid('until', 'must not lie more than a day ahead', 'Call again before it is over.');
    end if;
    -- one channel for all who wait for the same; short, for NOTIFY refuses names above 63 bytes
    v_channel := 'leasehold_' || to_hex(hashtextextended(
        (select string_agg(distinct c.capability, ',') from unnest(capabilities) as c (capability)),
        hashtextextended(current_schema(), 0)
    ));
    select w.* into v_waiter
    from waiter as w
    where w.until > v_now + (await_bell.until - v_now) / 2 and w.channel = v_channel
    order by w.until desc
    limit 1;
    if not found then
        insert into waiter (channel, capability, until)
        select v_channel, c.capability, await_bell.until from (select distinct u.c from unnest(capabilities) as u (c)) as c (capability);
        return (v_channel, false)::bell;
    end if;
    -- who began before the registration could be seen has ended: everybody else rings
    return (v_channel, v_waiter.registered_by < pg_snapshot_xmin(pg_current_snapshot()))::bell;
end
$await_bell$;

comment on function await_bell(text[], timestamptz) is
    'Says that this session listens for these capabilities, and until when (at most a day ahead); to be called again before that, which writes only when half '
    'of it is over. Returns channel, to LISTEN to, and armed: whether every submit that may have missed the registration is over. Call it, commit, LISTEN; '
    'then again and again: await_bell, get_work, and, where nothing was found, sleep: as long as wanted if it said armed, else briefly. A bell is a hint; '
    'polling alone is correct. Locks nothing. Raises LH010.';
