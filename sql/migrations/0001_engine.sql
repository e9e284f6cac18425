-- The tables and types of the engine. Once 1.0.0 is released this file does not change: later changes are migrations of
-- their own.
--
-- Layout (measured in bench/README.md): one hot row for each live job, which is deleted when the job ends, and an
-- append-only archive. The whole state of a job is in its row. The other tables hold what only a few jobs have
-- (dependencies, checkpoints), what must outlive the row (keys, history), and what one transaction leaves for a later
-- one (deferred items).
--
-- Each column has its comment beside its table. A column without "Null: ..." in its comment is never null.

-- The installation and its settings -----------------------------------------------------------------------------------

create table migration (
    number          integer         not null,
    name            text            not null,
    applied_at      timestamptz     not null default clock_timestamp(),
    constraint migration_pkey primary key (number)
);
comment on table migration is 'The migrations that were applied to this schema. Written by the installer.';
comment on column migration.number is
    'Number of the migration, which the name of its file begins with. They are applied in this order.';
comment on column migration.name is 'Name of its file, without .sql.';
comment on column migration.applied_at is 'When it was applied.';

create table manifest (
    kind            text            not null,
    name            text            not null,
    definition      text            not null,
    constraint manifest_pkey primary key (kind, name)
);
comment on table manifest is
    'Every object that the installer left behind. verify() compares this with what exists. Written by the installer.';
comment on column manifest.kind is
    'Kind of the object: function, table, column, grant and so on. build: the installed version.';
comment on column manifest.name is
    'Name of the object, with its arguments or its table where it needs them. Of build: the version.';
comment on column manifest.definition is
    'Definition of the object as the catalogs show it. Of build: a hash of the sources of leasehold.sql.';

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
comment on table setting is
    'The settings of this schema. set_setting() writes the values, migrations write everything else.';
comment on column setting.name is 'Name of the setting.';
comment on column setting.kind is
    'What the value must be: bytes, count (whole numbers), interval, or retry (a retry policy).';
comment on column setting.value is 'Value that set_setting() stored. Null: the default is in force.';
comment on column setting.default_value is 'Value in force while value is null.';
comment on column setting.description is 'What the setting means, for settings().';
comment on column setting.current_value is 'Value in force: value, or else default_value.';

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

create table secret (
    salt            bigint          not null,
    constraint secret_pkey primary key (salt)
);
comment on table secret is 'One row, filled by the installer.';
comment on column secret.salt is
    'The keys of the engine''s advisory locks are hashed with this, so that no other session can compute them '
    '(_advisory_lock_key).';

-- Jobs ----------------------------------------------------------------------------------------------------------------

create sequence fence_seq;
comment on sequence fence_seq is
    'Numbers every lease of the schema. Of two leases of one job, or of one singleton key, the later one has the '
    'higher number.';

create sequence number_seq;
comment on sequence number_seq is
    'Numbers every entry of a job into the queue: the order of jobs of one priority. Lanes draw from it, too.';

create type _job_options as (
    max_attempts    integer,
    retry           jsonb,
    idempotency_key text            collate "C",
    wait_for        uuid[],
    run_id          uuid,
    step            text
);
comment on type _job_options is
    'What only few jobs are submitted with, in one column, which is null in most: each column costs something each '
    'time a row is written, null or not (bench/instructions.md). Packed by _pack_options.';
comment on column _job_options.max_attempts is 'How often the job may be executed. Null: the setting max_attempts.';
comment on column _job_options.retry is 'Retry policy. Null: the setting retry.';
comment on column _job_options.idempotency_key is 'Key that the job was submitted with. Null: none.';
comment on column _job_options.wait_for is
    'Jobs that the job was told to wait for; its worker receives their results. What it still waits for is in '
    'dependency. Null: none.';
comment on column _job_options.run_id is 'Run of a workflow that the job belongs to. Null: none.';
comment on column _job_options.step is 'Step of that run. Null: none.';

create type _job_failure as (
    error           text,
    error_code      text,
    dead_reason     text            collate "C"
);
comment on type _job_failure is
    'How the last execution failed, and why a dead job is dead. One column, for the same reason as _job_options. '
    'Packed by _pack_failure.';
comment on column _job_failure.error is
    'Message of the last failed attempt, cleaned and cut (_clean_error). Null: none failed.';
comment on column _job_failure.error_code is 'Code that the worker gave with it, at most 200 characters. Null: none.';
comment on column _job_failure.dead_reason is
    'Why the job is dead: attempts_exhausted, not_retryable, expired, crash_loop or dependency_failed. Null: it is not '
    'dead.';

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
    constraint job_state_check
        check (state in ('blocked', 'scheduled', 'dead') or state = 'ready' and singleton_key is not null) no inherit
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
comment on table job is
    'Live jobs, dead letters included. The table itself (ONLY job) holds the jobs that wait for a time, for other jobs '
    'or for their singleton_key, and the dead ones. The tables ready and leased inherit from it, so that a query of '
    'job finds every live job. A job that succeeds or is cancelled moves to archive.';
comment on column job.job_id is 'Id of the job: given by the submitter (given_id), or made by _uuid_v7.';
comment on column job.number is
    'Place in the queue, drawn from number_seq at each entry into it. Within one priority the lower number goes first.';
comment on column job.submitted_at is 'When the job was submitted.';
comment on column job.available_at is
    'Earliest time at which the job may be claimed: as submitted, or as its backoff, its release or its rescheduling '
    'says.';
comment on column job.attempt is
    'Number of executions that have begun since the job was submitted, rescheduled or redriven, released ones aside.';
comment on column job.priority is '0 to 999. The lower number goes first.';
comment on column job.crashes is
    'Number of leases that have run out in a row. fail, release, reschedule and redrive set it to 0 again.';
comment on column job.parked is
    'Ready, but behind another job of its singleton_key, and therefore not in the claim index. The end of that job '
    'unparks it.';
comment on column job.cancel_requested is
    'cancel() was called while the job was leased. Written under the lock of the row.';
comment on column job.state is
    'blocked (waits for other jobs), scheduled (waits for available_at), ready, leased or dead. No UPDATE changes it: '
    'see _raise_state_change.';
comment on column job.next_need is 'What a worker must be capable of to execute the job.';
comment on column job.submitted_by is 'Name of the submitter: as given, or else its role.';
comment on column job.on_dependency_failure is
    'What happens if a job of wait_for dies or is cancelled: hold, cascade or release.';
comment on column job.payload is 'What the worker receives. An object.';
comment on column job.metadata is 'Notes of the submitter, which the worker receives as well. An object. Null: {}.';
comment on column job.expires_at is 'The job is buried as expired if it has not been leased by then. Null: never.';
comment on column job.singleton_key is 'At most one job of a key is leased at a time. Null: the job has none.';
comment on column job.options is 'What few jobs are submitted with. Null: nothing of it.';
comment on column job.fence is
    'With lease_id, worker_id, leased_at and lease_expires_at: the last lease, which stays here after it has ended. '
    'The fence is its number, from fence_seq. Null: the job was never leased.';
comment on column job.lease_id is
    'Id of the last lease, made of the fence and the job_id (_make_lease_id). Null: never leased.';
comment on column job.worker_id is 'Name of the worker that the last lease was granted to. Null: never leased.';
comment on column job.leased_at is 'When the last lease was granted. Null: never leased.';
comment on column job.lease_expires_at is
    'End of the last lease as it was granted. If it was extended, heartbeat has its end (_expires_at). Null: never '
    'leased.';
comment on column job.check_at is
    'When maintenance checks whether the lease has run out. An extension leaves it alone until this time has passed. '
    'Null: not leased.';
comment on column job.answer is
    'What fail, release or reschedule returned when it ended the last lease: the same call with the same lease returns '
    'the same again, until the next grant. Null: nothing.';
comment on column job.failure is 'How the last execution failed, and why the job is dead. Null: nothing has failed.';
comment on column job.ended_at is 'When the job died. Null: it is not dead.';
-- Heads of singleton keys are unparked with the number they came with, which may lie below the watermark. So they have
-- an index of their own, which is read from its start.
create index job_ready_head_idx on job (next_need, priority, number)
    where singleton_key is not null and state = 'ready' and not parked;
create index job_scheduled_idx on job (available_at) where state = 'scheduled';
create index job_expires_at_idx on job (expires_at)
    where expires_at is not null and state in ('blocked', 'scheduled', 'ready');
create index job_dead_idx on job (next_need, ended_at) where state = 'dead';
create index job_ready_key_idx on job (singleton_key, parked, next_need, priority, number)
    where singleton_key is not null and state = 'ready';

create table ready (
    constraint ready_pkey primary key (job_id)
) inherits (job) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
comment on table ready is
    'Jobs that can be claimed now, those with a singleton_key aside. It is a table of its own, as leased is, because '
    'an INSERT opens every index of its table and evaluates its predicate: a twentieth of a submit for each index.';
-- The claim reads one lane in the order of number, from the lane's watermark on. A lane is represented by its hash: the
-- search in a page of the index makes a hundred comparisons, and with texts a claim took 6 % more instructions. Every
-- query that uses the hash compares need and priority as well.
create index ready_lane_idx on ready (hashtextextended(next_need, priority::bigint), number);
create index ready_expires_at_idx on ready (expires_at) where expires_at is not null;

create table leased (
    constraint leased_pkey primary key (job_id)
) inherits (job) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
comment on table leased is 'Jobs that a worker holds.';
create index leased_check_at_idx on leased (check_at);
-- The last guard of promise 6: never two current leases for one key.
create unique index leased_key_idx on leased (singleton_key) where singleton_key is not null;

create table heartbeat (
    fence               bigint          not null,
    job_id              uuid            not null,
    extended_at         timestamptz     not null,
    lease_expires_at    timestamptz     not null,
    constraint heartbeat_pkey primary key (fence)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
comment on table heartbeat is
    'The ends of leases that were extended: one row for each lease, written under the lock of its job. It is separate '
    'from the wide row of the job and has no index on what changes: an extension writes a hundred bytes, and stays '
    'cheap under an old snapshot. Maintenance removes the rows of leases that have ended.';
comment on column heartbeat.fence is 'Fence of the lease.';
comment on column heartbeat.job_id is 'Job that is or was leased.';
comment on column heartbeat.extended_at is
    'When the lease was last extended: its remaining time was lease_expires_at minus this (_reclaimable_at).';
comment on column heartbeat.lease_expires_at is 'End of the lease.';

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
comment on table archive is
    'Jobs that succeeded or were cancelled. Append-only: a row is written when the job ends (_archive_leased, '
    '_archive_completed, _archive_unheld). A column means what the column of that name in job means, as it was when '
    'the job ended.';
comment on column archive.job_id is 'Id of the job.';
comment on column archive.submitted_at is 'When the job was submitted.';
comment on column archive.available_at is 'Earliest time at which it could be claimed last.';
comment on column archive.ended_at is 'When the job ended.';
comment on column archive.attempt is 'Number of executions that had begun.';
comment on column archive.priority is '0 to 999.';
comment on column archive.crashes is 'Number of leases that had run out in a row.';
comment on column archive.cancel_requested is
    'Cancellation had been requested while the job was leased; a job may succeed all the same.';
comment on column archive.state is 'succeeded or cancelled.';
comment on column archive.next_need is 'The job''s last need.';
comment on column archive.submitted_by is 'Name of the submitter.';
comment on column archive.on_dependency_failure is 'hold, cascade or release.';
comment on column archive.payload is 'The job''s last payload.';
comment on column archive.metadata is 'The job''s metadata. Null: {}.';
comment on column archive.expires_at is 'When it would have been buried as expired. Null: never.';
comment on column archive.singleton_key is 'Singleton key. Null: none.';
comment on column archive.options is 'What few jobs are submitted with. Null: nothing of it.';
comment on column archive.fence is 'Fence of the last lease. Null: the job was never leased.';
comment on column archive.lease_id is
    'Lease that ended the job, or that had been answered before. Null: the job was never leased, or its last lease did '
    'neither.';
comment on column archive.worker_id is 'Worker of the last lease. Null: the job was never leased.';
comment on column archive.leased_at is 'When the last lease was granted. Null: the job was never leased.';
comment on column archive.answer is
    'What the call that ended the lease returned, if it was fail, release or reschedule: the same call returns it '
    'again. Null: nothing.';
comment on column archive.failure is 'How the last failed execution failed. Null: none failed.';
comment on column archive.result is
    'Result that complete or complete_unheld was given. Null: none, or the job was cancelled.';

-- The table that a job is in determines its state. A check constraint would cost every INSERT 14,000 instructions, a
-- twentieth of a submit; this trigger costs 700. The functions move a job by deleting and inserting it, so that only a
-- statement by hand can update a state. The function gets its body from functions/finish/_raise_state_change.sql. The
-- triggers are enabled always: also under session_replication_role = replica.
create function _raise_state_change() returns trigger language plpgsql as 'begin return new; end';

create trigger job_state before update of state on job for each row execute function _raise_state_change();
create trigger ready_state before update of state on ready for each row execute function _raise_state_change();
create trigger leased_state before update of state on leased for each row execute function _raise_state_change();
create trigger archive_state before update of state on archive for each row execute function _raise_state_change();
alter table only job enable always trigger job_state;
alter table ready enable always trigger ready_state;
alter table leased enable always trigger leased_state;
alter table archive enable always trigger archive_state;

-- Ids and keys that a submit reserves ---------------------------------------------------------------------------------

create table given_id (
    job_id          uuid            not null,
    constraint given_id_pkey primary key (job_id)
);
comment on table given_id is
    'Job ids that submitters gave. A job moves from job to archive, but its id here does not move, so that two jobs of '
    'one id cannot be made. Written by _reserve_id and _reserve_ids.';
comment on column given_id.job_id is 'The id. It can be given again once its job has been purged.';

create table idempotency (
    key             text            not null collate "C",
    job_id          uuid            not null,
    request         bytea           not null,
    constraint idempotency_pkey primary key (key)
);
comment on table idempotency is
    'Idempotency keys, and the job that each of them made. Written by _reserve_key and _reserve_keys.';
comment on column idempotency.key is 'The key. It can be used again once its job has been purged.';
comment on column idempotency.job_id is 'Job that was submitted with it.';
comment on column idempotency.request is 'Hash of what was submitted (need, payload, job_id): _request_hash.';

-- Singleton keys ------------------------------------------------------------------------------------------------------

create table key_slot (
    slot            integer         not null,
    constraint key_slot_pkey primary key (slot)
);
comment on table key_slot is
    'The locks of singleton keys: 16,384 rows that never change, filled by the installer. A session that decides about '
    'a key locks the row of the key''s hash (_key_slot). These are rows because any session may hold an advisory lock, '
    'and because a statement that ends many jobs would exhaust the memory for advisory locks.';
comment on column key_slot.slot is '0 to 16383.';

-- Dependencies --------------------------------------------------------------------------------------------------------

create table dependency (
    waits_for       uuid            not null,
    job_id          uuid            not null,
    constraint dependency_pkey primary key (waits_for, job_id)
);
comment on table dependency is 'Dependencies that are not satisfied yet. Written and removed under the lock of job_id.';
comment on column dependency.waits_for is 'Job that must end first.';
comment on column dependency.job_id is 'The dependent: the job that waits.';
create index dependency_job_id_idx on dependency (job_id);

create table cycle_gate (
    only_row        boolean         not null default true,
    passed          bigint          not null,
    constraint cycle_gate_pkey primary key (only_row),
    constraint cycle_gate_only_row_check check (only_row)
);
comment on table cycle_gate is
    'One row. A transaction that makes an existing job wait for others locks and updates it (_check_cycle): two such '
    'transactions at once could close a cycle that neither of them sees.';
comment on column cycle_gate.only_row is 'Always true: there is one row.';
comment on column cycle_gate.passed is
    'How many transactions have passed. It changes so that a transaction with an older snapshot cannot pass unnoticed.';
insert into cycle_gate (passed) values (0);

create table deferred (
    deferred_id     bigint          not null generated always as identity,
    kind            text            not null,
    job_id          uuid,
    waits_for       uuid,
    singleton_key   text            collate "C",
    written_by      xid8            not null default pg_current_xact_id(),
    seen_by         xid8,
    tries           integer         not null default 0,
    due_at          timestamptz     not null default clock_timestamp(),
    constraint deferred_pkey primary key (deferred_id),
    constraint deferred_kind_check check (kind in ('recheck', 'dependency', 'ended', 'key'))
) with (autovacuum_vacuum_scale_factor = 0.02);
comment on table deferred is
    'Deferred items: what a transaction could not do without waiting for another one, left for get_work and sweep '
    '(_run_deferred).';
comment on column deferred.deferred_id is 'Id of the item.';
comment on column deferred.kind is
    'recheck: job_id has just begun to wait for other jobs, and one of them may have ended unseen. dependency: job_id '
    'was locked when waits_for ended. ended: job_id ended or came back, and many jobs wait for it. key: the next job '
    'of singleton_key is to be unparked.';
comment on column deferred.job_id is
    'Of recheck and dependency the job that waits, of ended the job that is waited for. Null: kind is key.';
comment on column deferred.waits_for is
    'Of dependency: the job that ended. Of ended and recheck: how far an earlier pass came in the order of ids. Null: '
    'no further than the start, or kind is key.';
comment on column deferred.singleton_key is 'Of key: the key. Null: any other kind.';
comment on column deferred.written_by is
    'Transaction that wrote the item first. It does not work on the item itself (kind ended aside): others cannot see '
    'yet what it has done.';
comment on column deferred.seen_by is
    'Of recheck: id of the first transaction that saw the item and took its id afterwards. Once all older transactions '
    'have ended, none can end a dependency without seeing it, so that one more full pass decides. 0: that pass has '
    'begun. Null: not seen yet.';
comment on column deferred.tries is 'How many passes have left the item in place.';
comment on column deferred.due_at is 'When the item is next to be worked on: later after each try.';
create index deferred_due_at_idx on deferred (due_at);
create index deferred_ended_idx on deferred (due_at) where kind = 'ended';

-- Lanes and watermarks: where a claim looks ---------------------------------------------------------------------------

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
    'Lanes: the needs and priorities that jobs have been submitted with recently. Prefix capabilities are resolved '
    'here, and claims read the lanes listed here. Deliberately not unique: two submitters that use a new need at the '
    'same time must not wait for each other, and duplicates are harmless. A lane is retired after a while, and the '
    'next job opens it anew. It stays as long as it may hold a job whose submitter saw it open. Written by _open_lane '
    'and _retire_lanes.';
comment on column lane.next_need is 'Need of its jobs.';
comment on column lane.priority is
    'Priority of its jobs. A retired lane has -1 minus that, which no job has: a submit that looks for an open lane '
    'does not find it.';
comment on column lane.keyed is
    'The lane was opened for a job with a singleton_key. It has two rows if jobs without a key came first.';
comment on column lane.stems is
    'Stems of the need (_stems): registrations of workers that wait for such jobs are filed under these.';
comment on column lane.opened_at is 'When the lane was opened. Of a retired lane: when it was retired.';
comment on column lane.number is
    'Drawn from number_seq after the transaction has its id, as jobs draw theirs: what is proven about job numbers '
    'holds for lanes, too.';
comment on column lane.retire_at is
    'When the lane is to be retired. Of a retired lane: when it is to be removed. The time between opened_at and this '
    'is how long it stays.';
comment on column lane.retired_by is 'Transaction that retired the lane. 0: it is open.';
comment on column lane.seen_by is
    'Transaction id taken once no snapshot from before the retirement was left. When all older transactions have '
    'ended, no job can enter the lane any more. 0: not taken yet.';
create index lane_idx on lane (next_need, priority);
create index lane_retire_at_idx on lane (retire_at);

create table watermark (
    watermark_id    bigint          not null generated always as identity,
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
    'The watermarks of each need''s lanes; the newest row of a need is in force. No ready job of a lane has, or will '
    'ever have, a number below the lane''s watermark (jobs with a singleton_key aside). Rows are appended, not '
    'updated: an old snapshot would keep every version of a row that is updated in place, as it does with the rows of '
    'the queue. Written by _advance_watermarks, _open_lane and set_setting.';
comment on column watermark.watermark_id is
    'Order of the rows. From 2^62 on (_invalidation_id) the row says that a lane was opened or a setting was changed: '
    'it comes after all rows of advances, until an advance that has seen it removes it.';
comment on column watermark.next_need is 'The need.';
comment on column watermark.priorities is 'Priorities of the need''s lanes, in the order of claiming.';
comment on column watermark.numbers is
    'The watermarks of the lanes, in the order of priorities. A lane that is missing has none yet.';
comment on column watermark.keyed is
    'Whether a lane of the need was opened for jobs with a singleton_key. If not, a claim does not look for heads of '
    'keys.';
comment on column watermark.seen_number is
    'Reading of number_seq, taken before the transaction id seen_by: a transaction that drew a number up to it has an '
    'older id. Once all older transactions have ended, every job that will ever have a number up to it is visible.';
comment on column watermark.seen_by is 'Transaction id taken after seen_number was read.';
comment on column watermark.noted_at is
    'When the row was written. -infinity: a lane was opened or a setting was changed, and the next claim reads all '
    'lanes.';
comment on column watermark.fence is
    'Last value of fence_seq when the row was written. It shows how many claims, of any need, there have been since.';
comment on column watermark.max_lease is
    'With max_attempts: these settings when the row was written. Null: the row was written with a fixed snapshot, '
    'which may have been an old one, or before any advance; no claim uses it.';
comment on column watermark.max_attempts is 'See max_lease. Null: the row was written before any advance.';

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
    'For workers of more than one need: the lanes that can hold the next jobs of a set of capabilities, with their '
    'watermarks, in the order of priority and watermark. The newest row of a scope is in force. Appended, as watermark '
    'is. Written by _rebuild_lane_cache.';
comment on column lane_cache.cache_id is 'Order of the rows.';
comment on column lane_cache.scope is
    'The set of capabilities, as _scope_name() writes it. An empty scope records when scopes were last forgotten '
    '(_unclaimed_since).';
comment on column lane_cache.needs is 'Needs of the lanes.';
comment on column lane_cache.priorities is 'Priorities of the lanes, in the order of needs.';
comment on column lane_cache.numbers is 'Watermarks of the lanes, in the order of needs.';
comment on column lane_cache.rest_id is
    'Row of lane_cache_rest that holds the other lanes of the scope. Null: there are no others.';
comment on column lane_cache.rest_priority is 'Priority that belongs to rest_number. Null: there are no other lanes.';
comment on column lane_cache.rest_number is
    'No job of the other lanes comes before this priority and number. Null: there are no other lanes.';
comment on column lane_cache.sure_number is
    'Every job and every lane with a number up to this one was visible when the row was written.';
comment on column lane_cache.newer is
    'Numbers of the lanes of the schema above sure_number that were visible as well. A claim that sees other ones '
    'reads the lanes anew.';
comment on column lane_cache.seen_number is 'With seen_by: as in watermark.';
comment on column lane_cache.seen_by is 'Transaction id taken after seen_number was read.';
comment on column lane_cache.noted_at is 'When the row was written.';
comment on column lane_cache.surveyed_at is
    'When a claim last read the lanes in full, which includes due maintenance and a new reading of number_seq. A claim '
    'that only records what comes next keeps it.';
comment on column lane_cache.lanes is 'Number of lanes of the scope, those of lane_cache_rest included.';
comment on column lane_cache.made_at is
    'When all lanes of the scope were last looked up. Some may have been removed since then; those opened since then '
    'are included.';

create table lane_cache_rest (
    rest_id         bigint          not null generated always as identity,
    scope           text            not null collate "C",
    needs           text[]          not null,
    priorities      smallint[]      not null,
    numbers         bigint[]        not null,
    constraint lane_cache_rest_pkey primary key (scope, rest_id)
) with (autovacuum_vacuum_scale_factor = 0.02);
comment on table lane_cache_rest is
    'The lanes of a scope that are not in its lane cache. They hold nothing that comes before rest_number, so that few '
    'claims read them. Written by _rebuild_lane_cache.';
comment on column lane_cache_rest.rest_id is 'Id of the row, to which lane_cache.rest_id refers.';
comment on column lane_cache_rest.scope is 'As in lane_cache.';
comment on column lane_cache_rest.needs is 'Needs of the lanes.';
comment on column lane_cache_rest.priorities is 'Priorities of the lanes, in the order of needs.';
comment on column lane_cache_rest.numbers is 'Watermarks of the lanes, in the order of needs.';
alter table lane_cache_rest
    alter column needs set storage external,
    alter column priorities set storage external,
    alter column numbers set storage external;

create table lookahead (
    lookahead_id    bigint          not null generated always as identity,
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
    'The first jobs of a scope, in order and without gaps, recorded together with its lane cache, so that most claims '
    'need not read lanes at all. Separate from the lane cache, whose rows are wide. Appended, as watermark is. Written '
    'by _rebuild_lane_cache.';
comment on column lookahead.lookahead_id is 'Order of the rows. The newest row of a scope is in force.';
comment on column lookahead.scope is 'As in lane_cache.';
comment on column lookahead.places is
    'Where the rows of the jobs were (ctid). A claim compares the number as well: a place may be taken by another row '
    'later.';
comment on column lookahead.numbers is 'Numbers of the jobs, in the order of places.';
comment on column lookahead.sure_number is 'With newer and surveyed_at: as in lane_cache.';
comment on column lookahead.newer is 'As in lane_cache.';
comment on column lookahead.noted_at is 'When the row was written.';
comment on column lookahead.surveyed_at is 'As in lane_cache.';

-- Maintenance ---------------------------------------------------------------------------------------------------------

create table maintenance_horizon (
    horizon_id      bigint          not null generated always as identity,
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
    'When claims last ran maintenance, and the times from which the next run has to look. The newest row is in force. '
    'Rows are appended, read from the end and trimmed at the start: a row that is updated in place would leave dead '
    'versions under an old snapshot. Written by _maybe_run_maintenance.';
comment on column maintenance_horizon.horizon_id is
    'Order of the rows. Some tasks run only at every tenth or every 64th.';
comment on column maintenance_horizon.at is 'When the run began.';
comment on column maintenance_horizon.took is
    'How long it took. The next run waits for twenty times that, at least 100 ms and at most 20 s.';
comment on column maintenance_horizon.leases_from is
    'No leased job has, or will ever have, a check_at before this time.';
comment on column maintenance_horizon.schedules_from is
    'No scheduled job has, or will ever have, an available_at before this time.';
comment on column maintenance_horizon.seen_at is
    'Reading of the clock, taken before the transaction id seen_by: a transaction with a later id files jobs under '
    'later times. Once all older transactions have ended, everything that will ever be filed under a time up to this '
    'one is visible.';
comment on column maintenance_horizon.seen_by is 'Transaction id taken after seen_at was read.';
comment on column maintenance_horizon.leased_page is
    'Page of leased at which _scan_below_horizon continues to search below leases_from.';
comment on column maintenance_horizon.waiting_page is
    'Page of job at which _scan_below_horizon continues to search below schedules_from.';

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
    constraint maintenance_error_step_check
        check (step in ('promote', 'reclaim', 'expire', 'deferred', 'heartbeats', 'waiters'))
);
comment on table maintenance_error is
    'Rows for which a step of maintenance raised an error. They are set aside and stop no other row. A record is '
    'removed when the step succeeds for the row, or a day after retry_at. Written by _set_aside.';
comment on column maintenance_error.error_id is 'Id of the record.';
comment on column maintenance_error.step is 'The step: promote, reclaim, expire, deferred, heartbeats or waiters.';
comment on column maintenance_error.subject is
    'What identifies the row: the job_id; the singleton_key of a deferred item of kind key; the fence of a heartbeat; '
    'the ctid of a waiter.';
comment on column maintenance_error.tries is 'How often the step has failed for the row.';
comment on column maintenance_error.failed_at is 'When it failed last.';
comment on column maintenance_error.retry_at is
    'When it is tried again: after a second, and later each time, at most an hour.';
comment on column maintenance_error.error_code is 'SQLSTATE of the last failure.';
comment on column maintenance_error.error is 'Message of the last failure.';
create index maintenance_error_subject_idx on maintenance_error (subject, step);

create unlogged table uptime (
    since           timestamptz     not null,
    constraint uptime_pkey primary key (since)
);
comment on table uptime is
    'Deliberately unlogged: crash recovery and the promotion of a standby empty it. Nothing else shows every role that '
    'either has happened. The next maintenance records the time anew (_record_uptime).';
comment on column uptime.since is 'Since when the server has been up, as far as maintenance has noticed.';
insert into uptime (since) values (clock_timestamp());

-- Waking workers that wait --------------------------------------------------------------------------------------------

create table waiter (
    waiter_id       bigint          not null generated always as identity,
    channel         text            not null,
    stem            text            not null collate "C",
    until           timestamptz     not null,
    reliable        boolean         not null default false,
    pid             integer         not null default pg_backend_pid(),
    constraint waiter_pkey primary key (waiter_id),
    constraint waiter_channel_check check (octet_length(channel) between 1 and 63)
);
comment on table waiter is
    'Registrations of workers that wait for a notification: one row for each channel and stem. A registration is '
    'renewed by appending. A notification removes it, and maintenance removes those that are over. Written by '
    'wakeup_channel.';
comment on column waiter.waiter_id is 'Id of the row.';
comment on column waiter.channel is 'Channel that the workers listen on.';
comment on column waiter.stem is 'Stem under which one of their capabilities is filed (_stem).';
comment on column waiter.until is 'When the registration is over.';
comment on column waiter.reliable is
    'The notification may be relied on: every transaction that may have missed this registration has ended.';
comment on column waiter.pid is 'Server process of the session that registered.';
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
    'Which of the sessions that wait on a channel wakes for which scheduled job: one session for each job, so that the '
    'others can sleep on. A notification to the whole channel removes the rows, and maintenance removes those that are '
    'over. Written by _set_alarm.';
comment on column alarm.alarm_id is 'Id of the row.';
comment on column alarm.channel is 'Channel that the session waits on.';
comment on column alarm.due_at is 'When the session wakes. Of a session that watches: until when it does.';
comment on column alarm.watches is
    'No scheduled job was left for the session: it is notified alone when a job is scheduled. A session that has '
    'registered the channel and has no row here is notified likewise (_watcher).';
comment on column alarm.pid is 'Server process of the session.';
create index alarm_channel_idx on alarm (channel, due_at);

create table listener (
    listener_id     bigint          not null generated always as identity,
    channel         text            not null,
    stem            text            not null collate "C",
    prefixes        text[]          collate "C",
    known_until     timestamptz     not null,
    written_by      xid8            not null default pg_current_xact_id(),
    constraint listener_pkey primary key (listener_id),
    -- NOTIFY refuses others, and every submit that notifies the channel would fail
    constraint listener_channel_check check (octet_length(channel) between 1 and 63)
);
comment on table listener is
    'Channels that workers have waited on in the last days, and for which needs, whether a worker waits now or not: '
    'one row for each channel and stem. A submit with a fixed snapshot, which may not see registrations, notifies all '
    'channels listed here that cover its need. Others look here for the channels that cover their need. Written by '
    '_keep_channel_known.';
comment on column listener.listener_id is 'Id of the row.';
comment on column listener.channel is 'The channel.';
comment on column listener.stem is 'Stem under which one or more capabilities of the channel are filed (_stem).';
comment on column listener.prefixes is
    'Those capabilities, if they are prefixes that end inside a part and at most four. Null: everything filed under '
    'the stem is covered.';
comment on column listener.known_until is 'Until when the row counts: three days after it was written.';
comment on column listener.written_by is 'Transaction that wrote the row: a younger snapshot sees it.';
create index listener_stem_idx on listener (stem);
create index listener_channel_idx on listener (channel, known_until);
create index listener_known_until_idx on listener (known_until);

-- Records of a job ----------------------------------------------------------------------------------------------------

create table checkpoint (
    job_id          uuid            not null,
    name            text            not null collate "C",
    result          jsonb,
    recorded_at     timestamptz     not null,
    constraint checkpoint_pkey primary key (job_id, name)
);
comment on table checkpoint is
    'Named results inside a job. The first result of a name stays, through retries and redrives. Written by '
    'checkpoint().';
comment on column checkpoint.job_id is 'The job.';
comment on column checkpoint.name is 'Name that the worker chose.';
comment on column checkpoint.result is 'The result. Null: the worker gave none.';
comment on column checkpoint.recorded_at is 'When it was recorded.';

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
    -- inside a function of its owner session_user is still the login
    login           text            not null default session_user,
    constraint history_pkey primary key (history_id)
);
comment on table history is
    'Events of a job that are not part of the normal course, and their actors. The normal course is in the job''s own '
    'row. It never holds a payload. Written by _record_history.';
comment on column history.history_id is 'Order of the events.';
comment on column history.job_id is 'The job.';
comment on column history.at is 'When it happened.';
comment on column history.event is
    'What happened: fail, release, reschedule, reclaimed (the lease ran out), buried, cancel_requested, cancelled, '
    'redriven, complete_unheld, fail_unheld or reschedule_unheld.';
comment on column history.actor is
    'Who did it, as the caller says. Of a failed attempt and of a lease that ran out: its worker. leasehold: the '
    'engine by itself.';
comment on column history.state is 'State of the job after the event.';
comment on column history.attempt is 'Attempt of the job after the event.';
comment on column history.detail is 'Reason that was given, or more about the event. Null: nothing.';
comment on column history.error is
    'Message of a failed attempt or of a burial, cleaned and cut as in job.failure. Null: none.';
comment on column history.error_code is 'Code given with the error. Null: none.';
comment on column history.login is 'Login of the session that did it. Any caller can give any actor, but not this.';
create index history_job_id_idx on history (job_id);

-- Types that functions return or pass. Attributes are only ever appended. ---------------------------------------------

create type submitted as (job_id uuid, created boolean, state text, available_at timestamptz);
comment on type submitted is
    'Result of submit and submit_many: the job, whether this call created it (false: its idempotency key was known), '
    'its state and the earliest time at which it may be claimed.';

create type _request as (
    next_need               text,
    payload                 jsonb,
    job_id                  uuid,
    wait_for                uuid[],
    singleton_key           text,
    idempotency_key         text,
    priority                integer,
    available_at            timestamptz,
    expires_at              timestamptz,
    max_attempts            integer,
    retry                   jsonb,
    on_dependency_failure   text,
    metadata                jsonb,
    submitted_by            text
);
comment on type _request is 'One job to be submitted: the parameters of submit.';

-- A trigger of a view cannot be enabled always. Without its triggers an INSERT or COPY would report success and store
-- nothing, so this constraint checks for each row that they run.
create domain _submitted_need as text
    constraint no_trigger_runs_under_session_replication_role_replica
    check (current_setting('session_replication_role') <> 'replica');
comment on domain _submitted_need is
    'A need in the view submission. Its constraint refuses every row while session_replication_role = replica keeps '
    'triggers from running.';

create type _claim_plan as (
    next_need       text[],
    priority        smallint[],
    watermark       bigint[],
    keyed_need      text[],
    keyed_priority  smallint[],
    tended          boolean,
    scope           text,
    capabilities    text[],
    rest_id         bigint,
    rest_priority   smallint,
    rest_number     bigint
);
comment on type _claim_plan is
    'Result of _plan_claim: the lanes to read in their order, with watermarks; the lanes that have ready heads of '
    'singleton keys; whether maintenance was run; and, for more than one need, the scope and where the rest of its '
    'lanes is (lane_cache).';

create type _candidates as (ids uuid[], special boolean);
comment on type _candidates is
    'Jobs that a claim has locked. special: at least one has a singleton_key or an expires_at and needs a further '
    'check.';

create type _lane_cache_reading as (cache lane_cache, proven boolean, unknown_id boolean, newer bigint[]);
comment on type _lane_cache_reading is
    'The newest lane cache of a scope, as a claim or an advance reads it: whether its horizon is proven, whether that '
    'horizon is of another server, and the lanes that were opened since.';

create type work as (
    job_id              uuid,
    lease_id            uuid,
    fence               bigint,
    next_need           text,
    payload             jsonb,
    attempt             integer,
    max_attempts        integer,
    lease_expires_at    timestamptz,
    lease_remaining     interval,
    singleton_key       text,
    metadata            jsonb,
    run_id              uuid,
    step                text,
    results             jsonb,
    results_truncated   boolean
);
comment on type work is
    'Result of get_work: a leased job and everything that its worker needs. results has the results of the jobs it '
    'waited for; it is empty if results_truncated, and results() has them then.';

create type outcome as (state text, available_at timestamptz, attempt integer);
comment on type outcome is
    'What became of a job that failed, was released, rescheduled or redriven: its state, the earliest time at which it '
    'may be claimed (null: it is dead) and its attempt.';

create type settled as (
    job_id              uuid,
    lease_id            uuid,
    verb                text,
    ok                  boolean,
    state               text,
    available_at        timestamptz,
    attempt             integer,
    lease_expires_at    timestamptz,
    error_code          text,
    message             text,
    detail              text,
    hint                text
);
comment on type settled is
    'Result of settle for one element: what the verb returned, or, if not ok, the error it would raise by itself.';

create type turned as (settled settled, work work);
comment on type turned is 'Result of turn: rows of settle (work is null), then rows of get_work (settled is null).';

create type extended as (
    job_id              uuid,
    lease_id            uuid,
    ok                  boolean,
    lease_expires_at    timestamptz,
    error_code          text,
    message             text,
    detail              text,
    hint                text
);
comment on type extended is
    'Result of extend_many for one lease: its new end, or, if not ok, the error that extend would raise.';

create type lease_state as (held boolean, cancel_requested boolean, remaining interval, state text, result jsonb);
comment on type lease_state is
    'Result of lease_status: whether the lease is current; whether cancellation was requested or done; how long the '
    'lease lasts (negative: it ran out, but is still current); the state of the job; and its result if this lease '
    'completed it.';

create type checkpoint_result as (name text, result jsonb, recorded_at timestamptz);
comment on type checkpoint_result is 'Result of checkpoints: one named result.';

create type dependency_result as (job_id uuid, state text, result jsonb);
comment on type dependency_result is
    'Result of results: how a job that the caller''s job waited for ended, and its result.';

create type wakeup as (channel text, reliable boolean, due_in interval);
comment on type wakeup is
    'Result of wakeup_channel: the channel to LISTEN on; whether its notifications may be relied on; and in how long '
    'the session is to look for work without a notification (null: no scheduled job is assigned to it).';

create type job_info as (
    job_id                  uuid,
    state                   text,
    next_need               text,
    payload                 jsonb,
    priority                integer,
    attempt                 integer,
    max_attempts            integer,
    crashes                 integer,
    available_at            timestamptz,
    expires_at              timestamptz,
    submitted_at            timestamptz,
    submitted_by            text,
    singleton_key           text,
    idempotency_key         text,
    metadata                jsonb,
    wait_for                uuid[],
    on_dependency_failure   text,
    retry                   jsonb,
    worker_id               text,
    lease_id                uuid,
    fence                   bigint,
    leased_at               timestamptz,
    lease_expires_at        timestamptz,
    cancel_requested        boolean,
    error                   text,
    error_code              text,
    dead_reason             text,
    ended_at                timestamptz,
    result                  jsonb,
    run_id                  uuid,
    step                    text,
    archived                boolean,
    leases_run_out          integer,
    extended_at             timestamptz
);
comment on type job_info is
    'Result of job: the columns of job or archive, defaults filled in. Extensions count in lease_expires_at; '
    'leases_run_out counts all leases of the job that ran out; extended_at is when the current lease was last '
    'extended.';

create type payload_info as (payload jsonb, metadata jsonb, result jsonb);
comment on type payload_info is 'Result of job_payload.';

create type reason as (reason text, detail text, until timestamptz, waits_for uuid);
comment on type reason is
    'Result of why_not_running: a reason, a detail for a person, until when it holds, and the job that is waited for.';

create type setting_info as (name text, value text, default_value text, description text);
comment on type setting_info is 'Result of settings: a setting, the value in force, and its default.';

create type error_info as (code text, name text, description text);
comment on type error_info is 'Result of error_codes: an SQLSTATE that Leasehold raises.';

create type swept as (promoted integer, reclaimed integer, expired integer, freed integer, admitted integer);
comment on type swept is
    'Result of sweep: how many jobs came due, lost a lease that had run out, expired, were freed of their '
    'dependencies, and how many singleton keys had their next job unparked.';

create type discrepancy as (kind text, name text, problem text);
comment on type discrepancy is 'Result of verify: an object, and whether it is missing, changed or left over.';
