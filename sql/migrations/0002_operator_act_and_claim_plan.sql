create table operator_act (
    act_id  bigint      not null generated always as identity,
    at      timestamptz not null,
    actor   text        not null,
    -- inside a function of its owner session_user is still the login
    login   text        not null default session_user,
    verb    text        not null,
    target  text        not null,
    before  jsonb,
    after   jsonb,
    constraint operator_act_pkey primary key (act_id)
);
comment on table operator_act is
    'What operators did: one row for each act, in their order. It never holds a payload. Written by _record_act, shown '
    'by the view act.';
comment on column operator_act.act_id is 'Order of the acts.';
comment on column operator_act.at is 'When it was done.';
comment on column operator_act.actor is
    'Person or program behind the act, as the caller says; the login if it does not say.';
comment on column operator_act.login is 'Login of the session that did it.';
comment on column operator_act.verb is 'Function that was called, as pause or set_setting.';
comment on column operator_act.target is 'What it was done to: a need, capability, setting, schedule or job id.';
comment on column operator_act.before is
    'What stood there before, with the fields that the act can change. Null: nothing.';
comment on column operator_act.after is
    'What has stood there since, or the arguments of an act on many. Null: nothing.';
create index operator_act_target_idx on operator_act (target, act_id);

alter type _claim_plan rename attribute tended to maintained;
