create or replace function _record_act(
    actor text, verb text, target text, before jsonb default null, after jsonb default null
)
returns void
language plpgsql
volatile
as $_record_act$
begin
    insert into operator_act (at, actor, verb, target, before, after)
    values (
        _now(), coalesce(_record_act.actor, session_user), _record_act.verb, _record_act.target, _record_act.before,
        _record_act.after
    );
end
$_record_act$;

comment on function _record_act(text, text, text, jsonb, jsonb) is
    'Records one act of an operator (operator_act). The caller has checked actor; null stands for the login. before '
    'and after hold what the act changed, and never a payload. The default of the column login adds the login of the '
    'session.';
