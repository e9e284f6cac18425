create or replace function _keep_channel_known(channel text, capabilities text[], until timestamptz, now timestamptz)
returns boolean
language plpgsql
volatile
as $_keep_channel_known$
declare
    v_covered timestamptz;
begin
    select max(l.known_until) into v_covered
    from listener as l
    where l.channel = _keep_channel_known.channel
        -- an id that this server has not reached was recorded on another server, before a restore
        and (l.written_by < pg_snapshot_xmax(pg_current_snapshot()) or l.written_by = pg_current_xact_id_if_assigned());
    if v_covered > now + interval '2 days' then
        return true;
    end if;
    -- One session of a fleet is enough. A session that never gives up the lock delays this by about fifty calls.
    if not pg_try_advisory_xact_lock(_advisory_lock_key('listener', channel)) and random() > 0.02 then
        return coalesce(v_covered >= until, false);
    end if;
    if v_covered is null and exists (
        select from (select distinct _stem(c.capability) from unnest(capabilities) as c (capability)) as s (stem)
        where (select count(distinct l.channel) from listener as l where l.stem = s.stem) >= 256
    ) then
        return false;
    end if;
    insert into listener (channel, stem, prefixes, known_until)
    select
        _keep_channel_known.channel, f.stem, case when not f.whole and cardinality(f.prefixes) <= 4 then f.prefixes end,
        _keep_channel_known.now + interval '3 days'
    from (
        select
            s.stem, bool_or(s.capability in (s.stem, s.stem || '%')) as whole,
            array_agg(distinct s.capability) as prefixes
        from (select c.capability, _stem(c.capability) as stem from unnest(capabilities) as c (capability)) as s
        group by s.stem
    ) as f;
    return true;
end
$_keep_channel_known$;

comment on function _keep_channel_known(text, text[], timestamptz, timestamptz) is
    'Ensures that a channel, and the capabilities that it is notified for, stay known for longer than until. False if '
    'they cannot be known yet, or if 256 other channels are known under one of its stems: this bounds what a submit '
    'has to read.';
