create or replace function _is_usable(mark mark, lease interval, now timestamptz)
returns boolean
language sql
volatile
as $_is_usable$
    select lease > interval '0' and lease <= mark.max_lease
        and (
            mark.noted_at between now - interval '1 s' and now and _is_close(mark)
            or _will_do(mark, now)
        )
$_is_usable$;

comment on function _is_usable(mark, interval, timestamptz) is
    'Whether a claim may go by these marks: they were moved less than a second ago, by whoever did the upkeep as well that was due, and few claims of their '
    'need came after; and the lease, a _duration, is no longer than allowed. Not true of marks that there are not. Where not, whoever asked is to move them.';
