create or replace function _watermark_usable(watermark watermark, lease interval, now timestamptz)
returns boolean
language sql
volatile
as $_watermark_usable$
    select lease > interval '0' and lease <= watermark.max_lease
        and (
            watermark.noted_at between now - interval '1 s' and now and _few_claims_since(watermark)
            or _stale_watermark_usable(watermark, now)
        )
$_watermark_usable$;

comment on function _watermark_usable(watermark, interval, timestamptz) is
    'Whether a claim may go by these marks: they were moved less than a second ago, by whoever did the upkeep as well that was due, and few claims of their '
    'need came after; and the lease, a _duration, is no longer than allowed. Not true of marks that there are not. Where not, whoever asked is to move them.';
