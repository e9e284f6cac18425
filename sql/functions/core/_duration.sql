create or replace function _duration(value interval)
returns interval
language sql
immutable
as $_duration$
    select case when value is not null then make_interval(secs => least(greatest(date_part('epoch', value), -1), 40000000)) end
$_duration$;

comment on function _duration(interval) is
    'The one place that says how long an interval is: its seconds, and nothing but seconds, so that comparing it and'
    ' adding it to a time mean the same. A month counts 30 days, a year 365.25 days, a day 24 hours. What is '
    'negative becomes minus one second and what exceeds 463 days that length, beyond what any argument may be, so '
    'that nothing overflows. Null remains null.';
