create or replace view act with (security_barrier) as
select
    o.act_id,
    o.at,
    o.actor,
    o.login,
    o.verb,
    o.target,
    o.before,
    o.after
from operator_act as o
-- A second relation keeps INSERT, UPDATE and DELETE out of the view.
cross join (values (true)) as w (is_read_only);

comment on view act is
    'What operators did, each act once: when, by whom, the function, what it was done to, and what stood there before '
    'and after.';
