create or replace function set_setting(name text, value text, actor text default null)
returns text
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $set_setting$
declare
    v_kind      text;
    v_before    text;
begin
    perform _check_setting(name);
    if actor is not null then
        perform _check_text('actor', actor, 200);
    end if;
    select s.kind, s.value into v_kind, v_before
    from setting as s
    where s.name = set_setting.name
    for no key update;
    if value is not null then
        perform _check_text('value', value, 10000);
        if v_kind in ('bytes', 'count') then
            if value !~ '^[1-9][0-9]{0,8}$' then
                perform _raise_invalid_argument('value', 'must be an integer from 1 to 999999999');
            elsif v_kind = 'bytes' and value::integer < 1024 then
                perform _raise_invalid_argument('value', 'must not be less than 1024 bytes');
            elsif name = 'max_attempts' and value::integer > 10000 then
                perform _raise_invalid_argument('value', 'must be between 1 and 10000');
            end if;
        elsif v_kind = 'interval' then
            -- Each session reads the text with its own intervalstyle, which decides how far a minus sign reaches.
            if _duration(_read_interval('value', value)) <= interval '0' or value like '%-%' then
                perform _raise_invalid_argument('value', 'must be greater than zero and have no negative part');
            end if;
            perform _check_delay('value', _read_interval('value', value));
        else
            begin
                perform _check_retry('value', value::jsonb);
            exception
                when data_exception then
                    perform _raise_invalid_argument('value', 'is not valid JSON: ' || left(sqlerrm, 200));
            end;
        end if;
    end if;
    update setting as s set value = set_setting.value where s.name = set_setting.name;
    if value is distinct from v_before then
        perform _record_act(actor, 'set_setting', name, to_jsonb(v_before), to_jsonb(value));
    end if;
    if name in ('max_lease', 'max_attempts') then
        -- Claims use the copies of these settings in the newest watermarks. This makes the next claim advance them.
        insert into watermark (
            watermark_id, next_need, priorities, numbers, keyed, seen_number, seen_by, noted_at, max_lease,
            max_attempts
        )
        overriding system value
        select
            _invalidation_id(), m.next_need, m.priorities, m.numbers, m.keyed, m.seen_number, m.seen_by, '-infinity',
            m.max_lease, m.max_attempts
        from (select distinct on (k.next_need) k.* from watermark as k order by k.next_need, k.watermark_id desc) as m;
    end if;
    return _setting_value(name);
end
$set_setting$;

comment on function set_setting(text, text, text) is
    'Sets one setting (null: back to its default), records the act if this changes it, and returns the value in force. '
    'actor: who does it (null: the login). Locks: the row of the setting. Raises LH010 for an unknown name or an '
    'invalid value.';
