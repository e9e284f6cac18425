create or replace function _stale_watermark_usable(watermark watermark, now timestamptz)
returns boolean
language plpgsql
volatile
as $_stale_watermark_usable$
begin
    if watermark.noted_at between now - interval '1 s' and now then
        -- One session advances them. Until it commits, the others go by the old ones.
        return not pg_try_advisory_xact_lock(_advisory_lock_key('watermark', watermark.next_need));
    end if;
    return watermark.noted_at > '-infinity'
        and _few_claims_since(watermark)
        and (
            select t.at from maintenance_horizon as t order by t.horizon_id desc limit 1
        ) between _stale_watermark_usable.now - interval '6 s' and _stale_watermark_usable.now
        and (
            select _duration(s.current_value::interval) from setting as s where s.name = 'max_lease'
        ) = watermark.max_lease
        and (
            select s.current_value::integer from setting as s where s.name = 'max_attempts'
        ) = watermark.max_attempts;
end
$_stale_watermark_usable$;

comment on function _stale_watermark_usable(watermark, timestamptz) is
    'Whether a claim may go by watermarks that are no longer fresh. Those of a busy need are usable while another '
    'session advances them; this call tries for its lock, and keeps the lock if it is free. Those of an idle need are '
    'usable as long as few claims came since, so that there is little to pass by, and maintenance ran not long ago.';
