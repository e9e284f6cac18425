-- The engine's tables. Immutable once released: what changes later is a migration of its own.
--
-- Layout (measured in bench/README.md): one hot row a live job, deleted when it ends, and an append-only archive.
-- A job's whole state is in its row; the other tables hold only what a few jobs have (edges, checkpoints), what must
-- outlive the row (keys, history) and what one transaction leaves for a later one to do (notes).

create table migration (
    number          integer         not null,
    name            text            not null,
    applied_at      timestamptz     not null default clock_timestamp(),
    constraint migration_pkey primary key (number)
);
comment on table migration is 'The migrations applied to this schema, in order.';

create table manifest (
    kind            text            not null,
    name            text            not null,
    definition      text            not null,
    constraint manifest_pkey primary key (kind, name)
);
comment on table manifest is 'What the installer left behind, object by object: verify() compares it with what is there.';

create table setting (
    name            text            not null collate "C",
    kind            text            not null,
    value           text,
    default_value   text            not null,
    description     text            not null,
    current_value   text            not null generated always as (coalesce(value, default_value)) stored,
    constraint setting_pkey primary key (name),
    constraint setting_kind_check check (kind in ('bytes', 'count', 'interval', 'retry'))
);
comment on table setting is 'Settings by name; a null value means the default. Written by set_setting().';

insert into setting (name, kind, default_value, description) values
    ('max_attempts', 'count', '3', 'executions of a job that names no number of its own'),
    ('max_checkpoint_bytes', 'bytes', '1048576', 'largest result of one checkpoint, as JSON text'),
    ('max_crashes', 'count', '3', 'leases that may run out in a row before a job is buried as crash_loop'),
    ('max_lease', 'interval', '7 days', 'longest lease that get_work and extend grant'),
    ('max_payload_bytes', 'bytes', '1048576', 'largest payload, as JSON text'),
    ('max_result_bytes', 'bytes', '1048576', 'largest result of complete, as JSON text'),
    ('retry', 'retry',
     '{"kind": "quadratic", "initial": "1 minute", "max": "1 day", "jitter": 0.1}',
     'retry policy of a job that names none');

create sequence fence_seq;
comment on sequence fence_seq is 'Numbers every lease of the schema, in the order of their granting for any one job and key.';

create sequence number_seq;
comment on sequence number_seq is 'Numbers every entry into the queue: the order of jobs of one priority.';

create table lane (
    next_need       text            not null collate "C",
    priority        smallint        not null,
    keyed           boolean         not null default false,
    stems           text[]          not null,
    opened_at       timestamptz     not null,
    number          bigint          not null default nextval('number_seq'),
    retire_at       timestamptz     not null default clock_timestamp() + interval '10 minutes',
    retired_by      xid8            not null default '0',
    seen_by         xid8            not null default '0',
    constraint lane_pkey primary key (number)
);
comment on table lane is
    'The needs and priorities that jobs were submitted with of late: what a prefix capability is looked up in, and where a claim walks. Not unique on '
    'purpose: two producers that use a new need first, at the same time, must not wait for each other. Doubles are harmless. After a while a lane is '
    'retired: the next job opens it anew. It stays as long as a job may be there whose submitter saw it open (_retire_lanes).';
comment on column lane.priority is 'That of its jobs. Of a retired lane -1 less that, which is no job''s: who looks whether a lane is open does not find it.';
comment on column lane.keyed is 'Opened for a job with a singleton_key. A lane has two rows where jobs without one came first.';
comment on column lane.stems is 'Under which stems those who wait for such jobs are filed in waiter.';
comment on column lane.number is 'Drawn as jobs draw theirs, after the transaction id: what is proven of those holds for lanes as well.';
create index lane_idx on lane (next_need, priority);
comment on column lane.retire_at is 'When it is to be retired; of a retired lane, removed. With opened_at: how long it stays.';
comment on column lane.retired_by is 'The transaction that retired it.';
comment on column lane.seen_by is
    'Taken once nobody had a snapshot from before it was retired. When all transactions with an older id are over, nothing can come into it any more.';
create index lane_retire_at_idx on lane (retire_at);

create table watermark (
    watermark_id         bigint          not null generated always as identity,
    next_need       text            not null collate "C",
    priorities      smallint[]      not null,
    numbers         bigint[]        not null,
    keyed           boolean         not null,
    seen_number     bigint          not null,
    seen_by         xid8            not null,
    noted_at        timestamptz     not null,
    fence           bigint          not null default 0,
    max_lease       interval,
    max_attempts    integer,
    constraint watermark_pkey primary key (next_need, watermark_id)
) with (autovacuum_vacuum_scale_factor = 0.02);
comment on table watermark is
    'The low-water marks of each need''s lanes, the newest row being the one that counts: no ready job of a lane has, or will ever have, a number below '
    'its mark (jobs with a singleton_key aside). Appended: a row updated in place would rot under an old snapshot as the queue itself does.';
comment on column watermark.numbers is 'The marks of the lanes of priorities, in the same order. A lane that is missing has none yet.';
comment on column watermark.keyed is 'Whether jobs of the need ever had a singleton_key: only then a claim looks for heads of keys.';
comment on column watermark.seen_number is
    'A reading of number_seq, taken before the transaction id seen_by: whoever drew a number up to it has an older id. Once all older ones are over, '
    'what can be seen up to it is all there will ever be.';
comment on column watermark.fence is 'The last fence when it was noted: how many claims there were since, of any need.';
comment on column watermark.watermark_id is
    'From 2^62 on (_invalidation_id) it tells that a lane was opened or a setting changed: it comes after the rows of moves, until a move that saw it removes it.';
comment on column watermark.noted_at is '-infinity: a lane was opened, or a setting changed; the next claim looks at all lanes.';
comment on column watermark.max_lease is
    'With max_attempts: these settings when it was noted. Null: moved above READ COMMITTED, by a look that may have been an old one; no claim goes by it.';

create table lane_cache (
    cache_id        bigint          not null generated always as identity,
    scope           text            not null collate "C",
    needs           text[]          not null,
    priorities      smallint[]      not null,
    numbers         bigint[]        not null,
    rest_id         bigint,
    rest_priority   smallint,
    rest_number     bigint,
    sure_number     bigint          not null,
    newer           bigint[]        not null,
    seen_number     bigint          not null,
    seen_by         xid8            not null,
    noted_at        timestamptz     not null,
    surveyed_at     timestamptz     not null,
    lanes           integer         not null,
    made_at         timestamptz     not null,
    constraint lane_cache_pkey primary key (scope, cache_id)
) with (autovacuum_vacuum_scale_factor = 0.02);
comment on table lane_cache is
    'For workers of more than one need: the lanes that can hold the next jobs of a set of capabilities, with their low-water marks, in the order of '
    'priority and mark; the newest row of a scope being the one that counts. Appended, as mark is.';
comment on column lane_cache.scope is 'The set of capabilities, as _scope_name() writes it.';
comment on column lane_cache.rest_id is 'Where the other lanes of the scope are. Null: there are no others.';
comment on column lane_cache.rest_number is 'With rest_priority: no job of a lane in the rear comes before.';
comment on column lane_cache.sure_number is 'Everything numbered up to here, jobs and lanes, could be seen when this was noted.';
comment on column lane_cache.newer is 'Those lanes of the schema with a higher number that could be seen as well. A claim that sees others looks for lanes anew.';
comment on column lane_cache.seen_number is 'With seen_by: as in mark.';
comment on column lane_cache.lanes is 'How many lanes, those in the rear included.';
comment on column lane_cache.made_at is 'When all lanes of the scope were last looked up. Since then some may have been removed; those that were opened are here.';
comment on column lane_cache.surveyed_at is
    'When a claim last took the long way, which does the upkeep that is due and takes a new reading. Kept by those that only note what comes next.';

create table lane_cache_rest (
    rest_id         bigint          not null generated always as identity,
    scope           text            not null collate "C",
    needs           text[]          not null,
    priorities      smallint[]      not null,
    numbers         bigint[]        not null,
    constraint lane_cache_rest_pkey primary key (scope, rest_id)
) with (autovacuum_vacuum_scale_factor = 0.02);
comment on table lane_cache_rest is 'The lanes of a scope that are not in its front: they have nothing that comes before rest_number, so that few claims read them.';
alter table lane_cache_rest
    alter column needs set storage external,
    alter column priorities set storage external,
    alter column numbers set storage external;

create table lookahead (
    lookahead_id        bigint          not null generated always as identity,
    scope           text            not null collate "C",
    places          tid[]           not null,
    numbers         bigint[]        not null,
    sure_number     bigint          not null,
    newer           bigint[]        not null,
    noted_at        timestamptz     not null,
    surveyed_at     timestamptz     not null,
    constraint lookahead_pkey primary key (scope, lookahead_id)
) with (autovacuum_vacuum_scale_factor = 0.02);
comment on table lookahead is
    'The first jobs of a scope, in order, with nothing missing between them: noted with its front, so that most claims need not look at lanes at all. '
    'Narrow, apart from the wide front; appended, as mark is.';
comment on column lookahead.places is 'Where their rows were. With the number of that job in numbers: a place may be taken by another row later.';
comment on column lookahead.sure_number is 'With newer and surveyed_at: as in front.';

create type _job_options as (
    max_attempts integer, retry jsonb, idempotency_key text collate "C", wait_for uuid[], run_id uuid, step text
);
comment on type _job_options is
    'What few jobs are submitted with, in one column, which is null in most: each time a row is written it costs by its columns, null or not '
    '(bench/instructions.md).';

create type _job_failure as (error text, error_code text, dead_reason text collate "C");
comment on type _job_failure is 'How the last execution failed, and why a dead job is dead. In one column, as _pack_options.';

create table job (
    job_id                  uuid            not null,
    -- fixed width first: no padding between them
    number                  bigint          not null,
    submitted_at            timestamptz     not null,
    available_at            timestamptz     not null,
    attempt                 integer         not null default 0,
    priority                smallint        not null,
    crashes                 smallint        not null default 0,
    parked                  boolean         not null default false,
    cancel_requested        boolean         not null default false,
    state                   text            not null collate "C",
    next_need               text            not null collate "C",
    submitted_by            text            not null,
    on_dependency_failure   text            not null collate "C",
    payload                 jsonb           not null,
    -- null in most jobs
    metadata                jsonb,
    expires_at              timestamptz,
    singleton_key           text            collate "C",
    options                 _job_options,
    -- the last lease
    fence                   bigint,
    lease_id                uuid,
    worker_id               text,
    leased_at               timestamptz,
    lease_expires_at        timestamptz,
    check_at                timestamptz,
    answer                  jsonb,
    -- the last failure
    failure                 _job_failure,
    ended_at                timestamptz,
    constraint job_pkey primary key (job_id),
    constraint job_state_check check (state in ('blocked', 'scheduled', 'dead') or state = 'ready' and singleton_key is not null) no inherit
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);

comment on table job is
    'Live jobs, the dead letters among them. In it, as by ONLY, are those that wait for a time, for others or for their singleton_key, and the dead; those in '
    'the tables that inherit from it can be seen here as well. A job that succeeds or is cancelled moves to archive.';
comment on column job.number is 'Place in the queue: drawn anew at each entry. Lower goes first within one priority.';
comment on column job.parked is
    'Ready, but behind another job of its singleton_key: kept out of the claim index. The end of the one before admits it.';
comment on column job.options is
    'Null: nothing of it. wait_for is what the job was told to wait for, whose results its worker gets; what it still waits for is in edge.';
comment on column job.check_at is
    'When to look whether the lease ran out; null unless leased. Heartbeats leave it alone until it has passed.';
comment on column job.lease_expires_at is 'The end of the lease as it was granted. Where it was extended, heartbeat has it (_expires_at).';
comment on column job.answer is
    'What the last lease was answered when fail, release or reschedule ended it: the same call gets the same again, until the next grant.';

-- Heads of keys are admitted with the number they came with, which may lie below the mark: an index of their own, walked from its start.
create index job_ready_head_idx on job (next_need, priority, number)
    where singleton_key is not null and state = 'ready' and not parked;
create index job_scheduled_idx on job (available_at) where state = 'scheduled';
create index job_expires_at_idx on job (expires_at) where expires_at is not null and state in ('blocked', 'scheduled', 'ready');
create index job_dead_idx on job (next_need, ended_at) where state = 'dead';
create index job_ready_key_idx on job (singleton_key, parked, next_need, priority, number)
    where singleton_key is not null and state = 'ready';

create table ready (
    constraint ready_pkey primary key (job_id)
) inherits (job) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
comment on table ready is
    'Jobs that can be claimed now, those with a singleton_key aside. A table of its own, as leased is: an INSERT opens, and asks, every index there is, a '
    'twentieth of a submit for each.';
-- The claim: one lane, longest ready, from the lane's mark on. A lane is its hash: a look at a page of the index compares a hundred entries, and with
-- texts in them a claim took 6 % more instructions. Who looks asks for need and priority as well.
create index ready_lane_idx on ready (hashtextextended(next_need, priority::bigint), number);
create index ready_expires_at_idx on ready (expires_at) where expires_at is not null;

create table leased (
    constraint leased_pkey primary key (job_id)
) inherits (job) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
comment on table leased is 'Jobs that a worker holds.';
create index leased_check_at_idx on leased (check_at);
-- The last word on promise 6: never two current leases of one key.
create unique index leased_key_idx on leased (singleton_key) where singleton_key is not null;

create table heartbeat (
    fence               bigint          not null,
    job_id              uuid            not null,
    extended_at         timestamptz     not null,
    lease_expires_at    timestamptz     not null,
    constraint heartbeat_pkey primary key (fence)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
comment on table heartbeat is
    'Where leases end that were extended: a row a lease, written under the lock of its job. Apart from the wide row of the job, and without an index on '
    'what changes: a heartbeat writes a hundred bytes, and stays cheap under an old snapshot. Upkeep removes those of leases that are over.';

create table archive (
    job_id                  uuid            not null,
    submitted_at            timestamptz     not null,
    available_at            timestamptz     not null,
    ended_at                timestamptz     not null,
    attempt                 integer         not null,
    priority                smallint        not null,
    crashes                 smallint        not null,
    cancel_requested        boolean         not null,
    state                   text            not null collate "C",
    next_need               text            not null collate "C",
    submitted_by            text            not null,
    on_dependency_failure   text            not null collate "C",
    payload                 jsonb           not null,
    metadata                jsonb,
    expires_at              timestamptz,
    singleton_key           text            collate "C",
    options                 _job_options,
    fence                   bigint,
    lease_id                uuid,
    worker_id               text,
    leased_at               timestamptz,
    answer                  jsonb,
    failure                 _job_failure,
    result                  jsonb,
    constraint archive_pkey primary key (job_id)
);
comment on table archive is 'Jobs that succeeded or were cancelled. Append-only.';

-- Which table a job is in says its state. A check constraint would cost every INSERT 14,000 instructions, a twentieth of a submit, where this trigger
-- costs 700. The functions move a job by deleting and writing it anew, so that nothing but a statement by hand sets a state. The function has its body
-- from functions/_raise_state_change.sql. Enabled always: under session_replication_role = replica as well.
create function _raise_state_change() returns trigger language plpgsql as 'begin return new; end';

create trigger job_state before update of state on job for each row execute function _raise_state_change();
create trigger ready_state before update of state on ready for each row execute function _raise_state_change();
create trigger leased_state before update of state on leased for each row execute function _raise_state_change();
create trigger archive_state before update of state on archive for each row execute function _raise_state_change();
alter table only job enable always trigger job_state;
alter table ready enable always trigger ready_state;
alter table leased enable always trigger leased_state;
alter table archive enable always trigger archive_state;

create table given_id (
    job_id          uuid            not null,
    constraint given_id_pkey primary key (job_id)
);
comment on table given_id is
    'Ids that callers gave. A job moves from job to archive; its id here does not, so that two jobs of one id cannot meet.';

create table idempotency (
    key             text            not null collate "C",
    job_id          uuid            not null,
    request         bytea           not null,
    constraint idempotency_pkey primary key (key)
);
comment on table idempotency is 'Idempotency keys, the job each one made, and a hash of what was asked for (need, payload, job_id).';

create table key_slot (
    slot            integer         not null,
    constraint key_slot_pkey primary key (slot)
);
comment on table key_slot is
    'The locks of singleton keys: 16,384 rows that never change, filled by the installer. A session that decides about a key locks the row that its hash '
    'names (_key_slot). Rows, because anybody may hold an advisory lock, and a statement that ends many jobs would exhaust the memory for those.';

create table secret (
    salt            bigint          not null,
    constraint secret_pkey primary key (salt)
);
comment on table secret is 'One row, filled by the installer: what the numbers of advisory locks are made with, so that nobody else can compute them.';

create table dependency (
    waits_for       uuid            not null,
    job_id          uuid            not null,
    constraint dependency_pkey primary key (waits_for, job_id)
);
comment on table dependency is 'Dependencies not yet satisfied: job_id waits for waits_for. Written and removed under the lock of job_id.';
create index dependency_job_id_idx on dependency (job_id);

create table deferred (
    deferred_id         bigint          not null generated always as identity,
    kind            text            not null,
    job_id          uuid,
    waits_for       uuid,
    singleton_key   text            collate "C",
    written_by      xid8            not null default pg_current_xact_id(),
    seen_by         xid8,
    tries           integer         not null default 0,
    due_at         timestamptz     not null default clock_timestamp(),
    constraint deferred_pkey primary key (deferred_id),
    constraint deferred_kind_check check (kind in ('recheck', 'dependency', 'ended', 'key'))
) with (autovacuum_vacuum_scale_factor = 0.02);
comment on table deferred is
    'What a transaction could not do without waiting for another one, left for get_work and sweep: blocked (job_id was just submitted behind '
    'others: look whether one ended unseen), edge (job_id was locked when waits_for ended), changed (job_id ended or came back, and '
    'many wait for it; waits_for is how far that got, as in blocked), key (admit the next of singleton_key).';
create index deferred_due_at_idx on deferred (due_at);
create index deferred_ended_idx on deferred (due_at) where kind = 'ended';

create table maintenance_horizon (
    horizon_id         bigint          not null generated always as identity,
    at              timestamptz     not null,
    took            interval        not null default '0',
    leases_from     timestamptz     not null default '-infinity',
    schedules_from  timestamptz     not null default '-infinity',
    seen_at         timestamptz     not null default '-infinity',
    seen_by         xid8            not null default '0',
    leased_page     integer         not null default 0,
    waiting_page    integer         not null default 0,
    constraint maintenance_horizon_pkey primary key (horizon_id)
);
comment on table maintenance_horizon is
    'When upkeep was last done by the way, and from when on it has to look: no leased job has, or will ever have, a check_at before leases_from, no scheduled '
    'one an available_at before schedules_from. Appended, read from its end, trimmed at its start: a row updated in place would rot.';
comment on column maintenance_horizon.seen_at is
    'A reading of the clock, taken before the transaction id seen_by: whoever has a later id files jobs under later times. Once all older ones are over, '
    'what can be seen up to it is all there will ever be.';

comment on column maintenance_horizon.leased_page is 'With waiting_page: from which page of leased, and of job, _scan_below_horizon looks below these times next.';

create unlogged table uptime (
    since           timestamptz     not null,
    constraint uptime_pkey primary key (since)
);
comment on table uptime is
    'Since when the server has been up. Unlogged on purpose: crash recovery and the promotion of a standby empty it, '
    'which nothing else tells to every role, and the next upkeep records anew (_record_uptime).';
insert into uptime (since) values (clock_timestamp());

create table maintenance_error (
    error_id        bigint          not null generated always as identity,
    step            text            not null,
    subject         text            not null collate "C",
    tries           integer         not null,
    failed_at       timestamptz     not null,
    retry_at        timestamptz     not null,
    error_code      text            not null,
    error           text            not null,
    constraint maintenance_error_pkey primary key (error_id),
    constraint maintenance_error_step_check check (step in ('promote', 'reclaim', 'expire', 'deferred', 'heartbeats', 'waiters'))
);
comment on table maintenance_error is
    'Rows for which a step of maintenance raised an error: they are set aside, tried again at retry_at, later each time, and stop no other. Removed when the '
    'step succeeds, or when they have not failed for a day.';
comment on column maintenance_error.subject is
    'The job_id; a singleton_key, of a note that admits the next of it; or what identifies a row of heartbeat or waiter.';
comment on column maintenance_error.error_code is 'SQLSTATE and message (error) of the last failure.';
create index maintenance_error_subject_idx on maintenance_error (subject, step);

create table waiter (
    waiter_id       bigint          not null generated always as identity,
    channel         text            not null,
    stem            text            not null collate "C",
    until           timestamptz     not null,
    armed           boolean         not null default false,
    pid             integer         not null default pg_backend_pid(),
    constraint waiter_pkey primary key (waiter_id),
    constraint waiter_channel_check check (octet_length(channel) between 1 and 63)
);
comment on table waiter is
    'Who waits for the doorbell, under which stems, until when; armed once every submit that may have missed it is over. Renewed by appending; '
    'upkeep removes what is over.';
comment on column waiter.pid is 'The process of the server of the session that registered.';
create index waiter_stem_idx on waiter (stem, until);
create index waiter_channel_idx on waiter (channel, until);

create table alarm (
    alarm_id        bigint          not null generated always as identity,
    channel         text            not null,
    due_at          timestamptz     not null,
    watches         boolean         not null,
    pid             integer         not null,
    constraint alarm_pkey primary key (alarm_id)
);
comment on table alarm is
    'Which session of those that wait on a channel wakes for which scheduled job: one a job, so that the others need '
    'not. A ring, which all of them hear, removes it; upkeep removes what is over.';
comment on column alarm.due_at is 'When the session wakes; where it watches, until when it does.';
comment on column alarm.watches is 'Nothing was left to tell it: it is rung when a job is scheduled (as is the session of a registration that is told nothing).';
comment on column alarm.pid is 'The process of the session''s server.';
create index alarm_channel_idx on alarm (channel, due_at);

create table listener (
    listener_id     bigint          not null generated always as identity,
    channel         text            not null,
    stem            text            not null collate "C",
    prefixes        text[]          collate "C",
    known_until     timestamptz     not null,
    written_by      xid8            not null default pg_current_xact_id(),
    constraint listener_pkey primary key (listener_id),
    -- NOTIFY refuses others, and so would every submit that rings there
    constraint listener_channel_check check (octet_length(channel) between 1 and 63)
);
comment on table listener is
    'The channels that somebody has waited on in the last days, whether anybody waits now, and for what: a row a channel and stem. A submit above READ '
    'COMMITTED, which may not see who waits, rings by it; others read here which of those who wait cover its need.';
comment on column listener.prefixes is 'Null: all that is filed under the stem. Else the prefixes that end inside a part, at most four.';
comment on column listener.written_by is 'A snapshot that is younger sees this row.';
create index listener_stem_idx on listener (stem);
create index listener_channel_idx on listener (channel, known_until);
create index listener_known_until_idx on listener (known_until);

create table checkpoint (
    job_id          uuid            not null,
    name            text            not null collate "C",
    result          jsonb,
    recorded_at     timestamptz     not null,
    constraint checkpoint_pkey primary key (job_id, name)
);
comment on table checkpoint is 'Named results inside a job: the first of a name stays, through retries and redrives.';

create table history (
    history_id      bigint          not null generated always as identity,
    job_id          uuid            not null,
    at              timestamptz     not null,
    event           text            not null,
    actor           text            not null,
    state           text            not null,
    attempt         integer         not null,
    detail          text,
    error           text,
    error_code      text,
    -- inside a function of its owner session_user is still who logged in
    login           text            not null default session_user,
    constraint history_pkey primary key (history_id)
);
comment on table history is
    'What departed from the happy path, and who did it. The happy path is in the job''s own row. Never a payload.';
comment on column history.actor is
    'Who did it, as the caller says; of a failed attempt and of a lease that ran out, whose it was: the worker; leasehold: the engine by itself.';
comment on column history.error is 'With error_code: what a failed attempt, or a burial, said; cleaned and cut as in job.failure.';
comment on column history.login is 'The login of the session that did it: what actor says anybody may say.';
create index history_job_id_idx on history (job_id);

create table cycle_gate (
    only_row        boolean         not null default true,
    passed          bigint          not null,
    constraint cycle_gate_pkey primary key (only_row),
    constraint cycle_gate_only_row_check check (only_row)
);
comment on table cycle_gate is 'One row, passed by whoever makes a job that already exists wait for others: two of them at once could close a circle.';
insert into cycle_gate (passed) values (0);

-- What the functions return. Attributes are only ever appended.
create type submitted as (job_id uuid, created boolean, state text, available_at timestamptz);

create type _request as (
    next_need text, payload jsonb, job_id uuid, wait_for uuid[], singleton_key text, idempotency_key text, priority integer,
    available_at timestamptz, expires_at timestamptz, max_attempts integer, retry jsonb, on_dependency_failure text,
    metadata jsonb, submitted_by text
);

-- No trigger of a view can be enabled always. Without them an INSERT or COPY would report success and store nothing: so this is asked of every row.
create domain _submitted_need as text
    constraint no_trigger_runs_under_session_replication_role_replica check (current_setting('session_replication_role') <> 'replica');

create type _claim_plan as (
    next_need text[], priority smallint[], watermark bigint[], keyed_need text[], keyed_priority smallint[], tended boolean,
    scope text, capabilities text[], rest_id bigint, rest_priority smallint, rest_number bigint
);

create type _candidates as (ids uuid[], special boolean);

create type work as (
    job_id uuid, lease_id uuid, fence bigint, next_need text, payload jsonb, attempt integer, max_attempts integer,
    lease_expires_at timestamptz, lease_remaining interval, singleton_key text, metadata jsonb, run_id uuid, step text,
    results jsonb, results_truncated boolean
);

create type outcome as (state text, available_at timestamptz, attempt integer);

create type settled as (
    job_id uuid, lease_id uuid, verb text, ok boolean, state text, available_at timestamptz, attempt integer,
    lease_expires_at timestamptz, error_code text, message text, detail text, hint text
);

create type turned as (settled settled, work work);

create type extended as (
    job_id uuid, lease_id uuid, ok boolean, lease_expires_at timestamptz, error_code text, message text, detail text, hint text
);

create type lease_state as (held boolean, cancel_requested boolean, remaining interval, state text, result jsonb);

create type checkpoint_result as (name text, result jsonb, recorded_at timestamptz);

create type dependency_result as (job_id uuid, state text, result jsonb);

create type wakeup as (channel text, armed boolean, due_in interval);

create type job_info as (
    job_id uuid, state text, next_need text, payload jsonb, priority integer, attempt integer, max_attempts integer, crashes integer,
    available_at timestamptz, expires_at timestamptz, submitted_at timestamptz, submitted_by text, singleton_key text,
    idempotency_key text, metadata jsonb, wait_for uuid[], on_dependency_failure text, retry jsonb, worker_id text, lease_id uuid,
    fence bigint, leased_at timestamptz, lease_expires_at timestamptz, cancel_requested boolean, error text, error_code text,
    dead_reason text, ended_at timestamptz, result jsonb, run_id uuid, step text, archived boolean, leases_run_out integer, extended_at timestamptz
);

create type payload_info as (payload jsonb, metadata jsonb, result jsonb);

create type reason as (reason text, detail text, until timestamptz, waits_for uuid);

create type setting_info as (name text, value text, default_value text, description text);

create type error_info as (code text, name text, description text);

create type swept as (promoted integer, reclaimed integer, expired integer, freed integer, admitted integer);

create type discrepancy as (kind text, name text, problem text);
