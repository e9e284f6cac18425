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
    'Whether a claim may go by these watermarks. They must have been advanced less than a second ago, by a session '
    'that also ran due maintenance, with few claims of their need since; or else _stale_watermark_usable decides. The '
    'lease, a _duration, must not be longer than allowed. False or null if no watermark exists. The caller must then '
    'advance the watermarks.';
