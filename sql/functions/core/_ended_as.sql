create or replace function _ended_as(job_id uuid)
returns text
language plpgsql
volatile
as $_ended_as$
begin
    -- One statement has one snapshot, so a job that ends in between is in exactly one of the two tables. A dead job is
    -- recognized by its dead_reason: a condition on its state would make the index of all dead jobs a candidate.
    return coalesce(
        (select a.state from archive as a where a.job_id = _ended_as.job_id),
        (select 'dead' from only job as j where j.job_id = _ended_as.job_id and (j.failure).dead_reason is not null)
    );
end
$_ended_as$;

comment on function _ended_as(uuid) is
    'Returns how a job ended: succeeded, cancelled or dead. Null if it has not ended.';
