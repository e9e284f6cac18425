-- Variant of A: the archive partitioned by the time of the end, as retention wants it, the key with it.

\ir hot.sql

alter table archive rename to archive_plain;
alter index archive_pkey rename to archive_plain_pkey;

create table archive (
    like archive_plain including defaults,
    constraint archive_pkey primary key (job_id, ended_at)
) partition by range (ended_at);

create table archive_past partition of archive for values from (minvalue) to (date_trunc('month', now()));
create table archive_present partition of archive
    for values from (date_trunc('month', now())) to (date_trunc('month', now()) + interval '1 month');
create table archive_future partition of archive
    for values from (date_trunc('month', now()) + interval '1 month') to (maxvalue);
