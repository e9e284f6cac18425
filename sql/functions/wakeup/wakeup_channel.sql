create or replace function wakeup_channel(capabilities text[], until timestamptz)
returns wakeup
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $wakeup_channel$
declare
    v_now       constant timestamptz := _now();
    v_channel   text;
    v_fresh     constant boolean := pg_current_xact_id_if_assigned() is null;
    v_reliable  boolean;
    v_until     timestamptz;
begin
    perform _check_capabilities(capabilities);
    if until is null then
        perform _raise_invalid_argument('until', 'must not be null');
    end if;
    perform _check_time('until', until);
    if until <= v_now then
        perform _raise_invalid_argument('until', 'must lie in the future');
    elsif until > v_now + interval '1 day' then
        perform _raise_invalid_argument('until', 'must not lie more than a day ahead', 'Call again before it is over.');
    end if;
    -- One channel for all sessions that wait for the same; a short name, because NOTIFY refuses more than 63 bytes.
    v_channel := 'leasehold_' || to_hex(hashtextextended(
        (select string_agg(distinct c.capability, E'\n') from unnest(capabilities) as c (capability)),
        hashtextextended(current_schema(), 0)
    ));
    select max(w.until), bool_or(w.reliable) into v_until, v_reliable
    from waiter as w
    where w.until > v_now and w.channel = v_channel;
    if v_until is null or v_until < v_now + (until - v_now) / 2 then
        if not _keep_channel_known(v_channel, capabilities, until, v_now) then
            return (v_channel, false, _next_scheduled_at(capabilities, v_now) - v_now)::wakeup;
        end if;
        insert into waiter (channel, stem, until)
        select v_channel, s.stem, wakeup_channel.until
        from (select distinct _stem(c.capability) from unnest(capabilities) as c (capability)) as s (stem);
    elsif not v_reliable and v_fresh then
        -- A transaction that looked for registrations before this one was visible took its id before that, and so
        -- before the id taken here. Once all older transactions have ended, all others notify: because of this
        -- registration, or, with a fixed snapshot, because the channel is known.
        perform pg_current_xact_id();
        if _horizon_passed(pg_current_xact_id_if_assigned()) and _channel_known_to_all(v_channel, v_until) then
            v_reliable := true;
            -- deleted and inserted, not updated: see _set_parked
            with gone as (
                delete from waiter as w
                where w.ctid = any (
                    array(
                        select o.ctid from waiter as o
                        where o.until > v_now and o.channel = v_channel
                        for no key update skip locked
                    )
                )
                returning w.channel, w.stem, w.until, w.pid
            )
            insert into waiter (channel, stem, until, reliable, pid)
            select g.channel, g.stem, g.until, true, g.pid from gone as g;
        end if;
    end if;
    return (v_channel, coalesce(v_reliable, false), _set_alarm(v_channel, capabilities, until, v_now))::wakeup;
end
$wakeup_channel$;

comment on function wakeup_channel(text[], timestamptz) is
    'Registers this session as waiting for work of these capabilities, until a time at most a day ahead (a few seconds '
    'are plenty). Returns channel: the channel to LISTEN on. reliable: whether every transaction that might submit '
    'without notifying has ended: those that looked for registrations before this one and, if no worker has waited '
    'with these capabilities in the last three days, those with an older snapshot. due_in: in how long this session is '
    'to look for work without a notification, because a scheduled job will be due; of several sessions that wait for '
    'the same job one gets it, the others get null. Never reliable if 256 other sets of capabilities share one of '
    'these needs, or the whole parts of one of these prefixes. Call it, commit, and LISTEN. Then repeat: '
    'wakeup_channel, get_work and, if that found nothing, sleep: as long as wanted if reliable has been true since the '
    'session listens, else briefly. A notification ends the registration: look for work, and call this again before '
    'sleeping. Writes only if no session with these capabilities is registered, or half of the time has passed. A '
    'notification is a hint; polling alone is correct. Locks nothing. Raises LH010.';
