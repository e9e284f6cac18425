create or replace function _duration(value interval)
returns interval
language sql
immutable
as $_duration$
    select
        case
            when value is not null
                then make_interval(secs => least(greatest(date_part('epoch', value), -1), 40000000))
        end
$_duration$;

comment on function _duration(interval) is
    'Defines how long an interval is: it is converted to seconds, so that comparing it and adding it to a time mean '
    'the same. A month counts as 30 days, a year as 365.25 days, a day as 24 hours. A negative interval becomes '
    'minus one second, and one above 463 days becomes 463 days, which exceeds the limit of every argument; so '
    'nothing overflows. Null remains null.';
