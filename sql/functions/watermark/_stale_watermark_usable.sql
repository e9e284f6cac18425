create or replace function _stale_watermark_usable(watermark watermark, now timestamptz)
returns boolean
language plpgsql
volatile
as $_stale_watermark_usable$
begin
    if watermark.noted_at between now - interval '1 s' and now then
        -- one moves them; until that has committed the others go by the old ones
        return not pg_try_advisory_xact_lock(_advisory_lock_key('watermark', watermark.next_need));
    end if;
    return watermark.noted_at > '-infinity'
        and _few_claims_since(watermark)
        and (select t.at from maintenance_horizon as t order by t.horizon_id desc limit 1) between _stale_watermark_usable.now - interval '6 s' and _stale_watermark_usable.now
        and (select _duration(s.current_value::interval) from setting as s where s.name = 'max_lease') = watermark.max_lease
        and (select s.current_value::integer from setting as s where s.name = 'max_attempts') = watermark.max_attempts;
end
$_stale_watermark_usable$;

comment on function _stale_watermark_usable(watermark, timestamptz) is
    'Whether marks that are no longer fresh will do: those of a busy need while somebody else moves them, whose lock this tries for and keeps where it is '
    'free; those of an idle one as long as hardly anything was claimed since, so that there is little to pass by, and upkeep was done not long ago.';
